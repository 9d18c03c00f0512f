// SPDX-License-Identifier: Apache-2.0
// The element types of safetensors files.
#ifndef BH_EXCHANGE_DTYPE_H
#define BH_EXCHANGE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of an element; 0 of an unknown type.
size_t bh_dtype_bytes(const char *type);

// Whether elements are floating-point numbers that bh_dtype_floats reads: F64, F32, F16
// and BF16.
bool bh_dtype_is_real(const char *type);

// count elements, little-endian, at any address.
void bh_dtype_floats(float *out, const char *type, const uint8_t *data, size_t count);

#endif
