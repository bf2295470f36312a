#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Random rule sets and traffic on the emulated card against the naive model: steer.sh BACKEND SEEDS
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
tap emu cable cable -- "$RAWQ_BUILD/tests/steer_model" "$1" "$2" "${3:-$RANDOM}" drv0 drv1
finish
