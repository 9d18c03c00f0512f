// SPDX-License-Identifier: Apache-2.0
#include "exchange/dtype.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

// Reads one element.
typedef float (*read_real)(bh_reader *r);

static float read_f64(bh_reader *r)
{
    return (float)bh_reader_f64(r);
}

static float read_bf16(bh_reader *r)
{
    uint32_t bits = (uint32_t)bh_reader_u16(r) << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction.
static float read_f16(bh_reader *r)
{
    unsigned bits = bh_reader_u16(r);
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    float size = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                 : exponent == 0 ? ldexpf((float)fraction, -24)
                                 : ldexpf((float)(1024 + fraction), exponent - 25);
    return (bits & 0x8000u) != 0 ? -size : size;
}

static const struct dtype {
    const char *name;
    size_t bytes;
    read_real read; // NULL where elements are no floating-point numbers, or too small
} dtypes[] = {
    {"F32", 4, bh_reader_f32}, {"F64", 8, read_f64}, {"F16", 2, read_f16},
    {"BF16", 2, read_bf16},    {"BOOL", 1, NULL},    {"U8", 1, NULL},
    {"I8", 1, NULL},           {"U16", 2, NULL},     {"I16", 2, NULL},
    {"U32", 4, NULL},          {"I32", 4, NULL},     {"U64", 8, NULL},
    {"I64", 8, NULL},          {"F8_E5M2", 1, NULL}, {"F8_E4M3", 1, NULL},
    {"F8_E8M0", 1, NULL},      {"C64", 8, NULL},
};

static const struct dtype *find(const char *type)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(type, dtypes[i].name) == 0) {
            return &dtypes[i];
        }
    }
    return NULL;
}

size_t bh_dtype_bytes(const char *type)
{
    const struct dtype *d = find(type);
    return d != NULL ? d->bytes : 0;
}

bool bh_dtype_is_real(const char *type)
{
    const struct dtype *d = find(type);
    return d != NULL && d->read != NULL;
}

void bh_dtype_floats(float *out, const char *type, const uint8_t *data, size_t count)
{
    const struct dtype *d = find(type);
    bh_reader r = bh_reader_over(data, count * d->bytes);
    for (size_t i = 0; i < count; i++) {
        out[i] = d->read(&r);
    }
}
