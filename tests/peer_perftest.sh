#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# perftest sends a million frames of each size to another process: none is lost.
. "$(dirname "$0")/lib/perftest.sh"

limit=40
transfer "64 bytes" 1000000 -s 64 -r 4096
transfer "1518 bytes" 1000000 -s 1518 -m 1518 -r 4096
transfer "9000 bytes" 1000000 -s 9000 -m 9600 -r 4096
transfer "lists of 32" 1000000 -s 64 -r 4096 -l 32 --recv_post_list=32
finish
