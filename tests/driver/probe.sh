#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Which backend rawq chooses, and why; ports by the names of netdev and of RDMA device.
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
said=$(emu cable cable -- "$rawq" probe drv0 2>&1)
like "$said" 'mlx5 +yes, by default: Direct Verbs on mlx5_0' "mlx5 is chosen on a card that has it"
like "$(emu cable cable -- "$rawq" probe mlx5_1 2>&1)" 'mlx5 +yes, by default: Direct Verbs on mlx5_1' \
	"a port may be named as its RDMA device"
said=$(emu cable cable -- "$rawq" tx mlx5_0 --count 10 --json 2>&1)
is $? 0 "to send as well"
like "$("$rawq" probe drv0 2>&1)" 'xdp +yes, by default' "without an RDMA device xdp is"
said=$("$rawq" probe mlx5_0 2>&1)
is "$? $said" "3 rawq probe: mlx5_0: no such interface here (ip link lists them)" "a name of neither is refused"
finish
