#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every form of receive queue of the mlx5 backend: receive.sh COUNT [lossy]
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
seed=${RAWQ_SEED-$RANDOM}
card=(--thorough)
if [ "${2-}" = lossy ]; then
	# about twelve a form, whatever the count, so that none is a form without
	cat >$tmp/faults <<-END
		seed $seed
		wqe queue=rq chance=$(awk "BEGIN { print 1200 / $1 }")% syndrome=0x04
	END
	card=(--faults "$tmp/faults")
fi
tap emu cable cable "${card[@]}" -- "$RAWQ_BUILD/tests/driver/driver_receive" drv0 drv1 "$1" "$seed" ${2+"$2"}
finish
