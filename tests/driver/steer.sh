#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# On the emulated card: random rule sets and traffic against the naive model, and rules that are replaced
# under traffic: steer.sh BACKEND SEEDS [FIRST]
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
tap emu cable cable -- "$RAWQ_BUILD/tests/steer_model" "$1" "$2" "${3:-$RANDOM}" drv0 drv1
tap emu cable cable -- "$RAWQ_BUILD/tests/steer_replace" "$1" 1000 drv0 drv1
finish
