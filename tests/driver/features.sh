#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the backends offer beyond bytes: features.sh BACKEND
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
tap emu cable cable --thorough -- "$RAWQ_BUILD/tests/driver/driver_features" "$1" drv0 drv1
finish
