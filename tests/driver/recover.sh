#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Error completions at random places of streams: recover.sh BACKEND sq|rq SEEDS
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
seed=${RANDOM}
echo "# seed $seed"
cat >$tmp/faults <<END
seed $seed
wqe queue=$2 chance=2% syndrome=0x04
END
tap emu cable cable --faults $tmp/faults -- "$RAWQ_BUILD/tests/driver/driver_recover" "$1" drv0 drv1 "$3" "$2"
finish
