// SPDX-License-Identifier: Apache-2.0
// Exact resampling of 8-bit images: the same bytes on every machine.
#ifndef BH_DATA_RESIZE_H
#define BH_DATA_RESIZE_H

#include "model/graph.h"

#define BH_RESIZE_DIM_MAX 16384u

// Resizes `channels` interleaved bytes per pixel, height x width pixels at `in`, to
// planes of wanted.height x wanted.width at `out` (wanted.channels = channels <= 4):
// every axis by area averaging where it shrinks and by linear interpolation between
// pixel centres where it grows, rounded to nearest. No side exceeds BH_RESIZE_DIM_MAX.
bh_status bh_resize(uint8_t *out, bh_shape wanted, const uint8_t *in, uint32_t height,
                    uint32_t width) BH_MUST_CHECK;

#endif
