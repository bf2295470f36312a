#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# libmlx5 obeys environment variables that change rings and entries; what the backends read of
# them stays right with each one set.  (MLX5_QP_SIGNATURE is not here: with it no raw packet
# queue can be made at all, by anybody.)
. "$(dirname "$0")/../lib/net.sh"
. "$(dirname "$0")/world.sh"
for setting in CQE_SIZE=128 SHUT_UP_BF=1 TOTAL_UUARS=8 NUM_LOW_LAT_UUARS=2 SINGLE_THREADED=1 SCATTER_TO_CQE=1 \
	SRQ_SIGNATURE=1 CQ_SIGNATURE=1 POST_SEND_PREFER_BF=0 FREEZE_ON_ERROR_CQE=1; do
	check "mlx5 with MLX5_$setting" emu cable cable --strict -- env "MLX5_$setting" \
		"$RAWQ_BUILD/tests/driver/driver_features" mlx5 drv0 drv1
done
for setting in CQE_SIZE=128 SHUT_UP_BF=1 SINGLE_THREADED=1 SCATTER_TO_CQE=1 SRQ_SIGNATURE=1 CQ_SIGNATURE=1 \
	FREEZE_ON_ERROR_CQE=1; do
	check "striding and compressed queues with MLX5_$setting" emu cable cable --strict -- env "MLX5_$setting" \
		"$RAWQ_BUILD/tests/driver/driver_receive" drv0 drv1 500 $RANDOM
done
check "verbs with MLX5_CQE_SIZE=128" emu cable cable --strict -- env MLX5_CQE_SIZE=128 \
	"$RAWQ_BUILD/tests/driver/driver_features" verbs drv0 drv1
finish
