#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The backends' traffic suite on the emulated card: traffic.sh BACKEND COUNT
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
tap emu cable cable --thorough -- "$RAWQ_BUILD/tests/driver/driver_traffic" "$1" drv0 drv1 "$2"
finish
