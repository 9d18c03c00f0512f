// SPDX-License-Identifier: Apache-2.0
#include "support/uniformity.h"

#include <math.h>
#include <string.h>

#include "mpc/bits.h"
#include "support/stats.h"
#include "support/test.h"

// Of all tests of a program together.
#define P_ALL 1e-6

void uniform_clear(uniform_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->fields[i].ones);
    }
    free(s->fields);
    *s = (uniform_set){0};
}

static uniform_field *find(uniform_set *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->fields[i].name, name) == 0) {
            return &s->fields[i];
        }
    }
    return NULL;
}

static uniform_field *field_for(uniform_set *s, const char *name, size_t n_bits,
                                unsigned width)
{
    uniform_field *f = find(s, name);
    if (f != NULL) {
        assert_int_equal(f->n_bits, n_bits); // sizes are public
        return f;
    }
    if (s->count == s->room) {
        s->room = 2 * s->room + 64;
        s->fields = realloc(s->fields, s->room * sizeof *s->fields);
        assert_non_null(s->fields);
    }
    f = &s->fields[s->count++];
    *f = (uniform_field){.n_bits = n_bits, .width = width};
    assert_true(strlen(name) < sizeof f->name);
    strcpy(f->name, name);
    f->ones = calloc(n_bits + 1, sizeof *f->ones);
    assert_non_null(f->ones);
    return f;
}

void uniform_add(uniform_set *s, const char *name, const uint8_t *bits, size_t n_bits,
                 unsigned width)
{
    if (n_bits == 0) {
        return;
    }
    uniform_field *f = field_for(s, name, n_bits, width);
    f->runs++;
    for (size_t i = 0; i < n_bits; i++) {
        f->ones[i] += (bits[i / 8] >> (i % 8)) & 1;
    }
    for (size_t i = 0; i < n_bits / 8; i++) {
        f->bytes[bits[i]]++;
    }
    if (n_bits % 8 != 0 && bits[n_bits / 8] >> (n_bits % 8) != 0) {
        fail_msg("%s: bits behind the last one are set", name);
    }
}

void uniform_add_values(uniform_set *s, const char *name, const uint32_t *values,
                        size_t count, unsigned width)
{
    size_t bytes = bh_bits_bytes(count, width);
    uint8_t *packed = calloc(bytes + 1, 1);
    assert_non_null(packed);
    bh_bits_pack(packed, values, count, width);
    uniform_add(s, name, packed, count * width, width);
    free(packed);
}

static double of_bytes(const uniform_field *f, double p)
{
    uint64_t counts[256] = {0}, total = 0;
    double expected[256];
    for (size_t i = 0; i < 256; i++) {
        total += f->bytes[i];
    }
    size_t cells = total >= 256 * 10 ? 256 : 16;
    if (total < 16 * 10) {
        return 0;
    }
    for (size_t i = 0; i < 256; i++) {
        counts[i % cells] += f->bytes[i];
        expected[i % cells] = (double)total / (double)cells;
    }
    return stats_chi_square(counts, expected, cells) /
           stats_chi_square_limit_at(cells - 1, p);
}

// (ones - runs / 2)^2 / (runs / 4)
static double of_bit(double ones, double runs)
{
    double d = ones - runs / 2;
    return d * d / (runs / 4);
}

uniform_verdict uniform_judge(const uniform_field *f, size_t tests)
{
    const double p = P_ALL / (double)tests;
    uniform_verdict v = {.bytes = of_bytes(f, p)};
    double in_value[32] = {0}, largest = 0, sum = 0, value = 0;
    for (size_t i = 0; i < f->n_bits; i++) {
        double one = of_bit(f->ones[i], (double)f->runs);
        largest = fmax(largest, one);
        sum += one;
        in_value[i % f->width] += f->ones[i];
    }
    const double values = (double)f->runs * (double)f->n_bits / f->width;
    for (unsigned i = 0; i < f->width; i++) {
        value += of_bit(in_value[i], values);
    }
    if (f->runs >= 50) {
        v.bits = sum / stats_chi_square_limit_at(f->n_bits, p);
        v.largest = largest / stats_chi_square_limit_at(1, p / (double)f->n_bits);
    }
    if (values >= 50) {
        v.value = value / stats_chi_square_limit_at(f->width, p);
    }
    v.worst = fmax(fmax(v.bytes, v.bits), fmax(v.largest, v.value));
    return v;
}
