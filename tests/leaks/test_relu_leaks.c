// SPDX-License-Identifier: Apache-2.0
// What the gates of mpc send, for inputs as different as can be. Every field of every
// message is uniform. Of what a party sees (the peer's messages, its own choices and
// pads) every two bits are independent, and no sum of any bits is constant, which most
// masks that are used twice would make of some. (A pad of the product that is also one
// of the tree shows in products of bits only: mutants say that this test misses it.)
//
// Each law is refused wrongly with probability 1e-9 (a thousand fields) or 1e-10 (1.5
// million pairs of bits): 2e-4 for the whole program.
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "mpc/bits.h"
#include "mpc/planes.h"
#include "mpc/truncate.h"
#include "support/gate.h"
#include "support/stats.h"

enum { N = 1 << 14, BITS = 24, DIGITS = 6, NODES = 5, WORDS = N / 64, MAX_BITS = 1700 };

// Bits of each value that somebody sees, as planes; those of messages come first, in
// fields of up to 4 bits.
typedef struct view {
    const char *name;
    size_t n_bits, n_sent, n_fields;
    size_t fields[MAX_BITS]; // the first bit of each
    uint64_t bits[MAX_BITS][WORDS];
} view;

// Adds `n` bits of each number, from the lowest, in fields of `width`.
static void add_numbers(view *v, const uint32_t *numbers, unsigned n, unsigned width)
{
    for (unsigned k = 0; k < n; k++) {
        assert_true(v->n_bits < MAX_BITS);
        if (k % width == 0) {
            v->fields[v->n_fields++] = v->n_bits;
        }
        for (size_t i = 0; i < N; i++) {
            v->bits[v->n_bits][i / 64] |= (uint64_t)((numbers[i] >> k) & 1) << (i % 64);
        }
        v->n_bits++;
    }
}

static const uint8_t *add_planes(view *v, const uint8_t *in, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        assert_true(v->n_bits < MAX_BITS);
        v->fields[v->n_fields++] = v->n_bits;
        bh_plane_load(v->bits[v->n_bits++], in, N);
        in += N / 8;
    }
    return in;
}

static const uint8_t *add_packed(view *v, const uint8_t *in, unsigned bits)
{
    static uint32_t numbers[N];
    bh_bits_unpack(numbers, in, N, bits);
    add_numbers(v, numbers, bits, 4);
    return in + bh_bits_bytes(N, bits);
}

// The low `bits` bits of the pads of this party's own transfers.
static void add_sent(view *v, const bh_rot_supply *s, size_t first, size_t rows,
                     unsigned bits)
{
    for (size_t row = first; row < first + rows; row++) {
        add_numbers(v, s->m0 + row * N, bits, 4);
        add_numbers(v, s->m1 + row * N, bits, 4);
    }
}

static void add_received(view *v, const bh_rot_supply *s, size_t rows)
{
    static uint32_t choices[N];
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < N; i++) {
            choices[i] = s->c[row * N + i];
        }
        add_numbers(v, choices, 1, 1);
        add_numbers(v, s->m + row * N, 32, 4);
    }
}

// What chi-square exceeds with probability 1e-9 at most, as stats_chi_square_limit.
static double chi_square_limit(size_t degrees_of_freedom)
{
    double k = (double)degrees_of_freedom, h = 2 / (9 * k);
    double root = 1 - h + 5.9978 * sqrt(h);
    return k * root * root * root;
}

static void check_fields(const view *v)
{
    for (size_t f = 0; f < v->n_fields && v->fields[f] < v->n_sent; f++) {
        const size_t first = v->fields[f];
        const size_t end = f + 1 < v->n_fields ? v->fields[f + 1] : v->n_bits;
        const size_t n = (size_t)1 << (end - first);
        uint64_t counts[16] = {0};
        double expected[16];
        for (size_t i = 0; i < N; i++) {
            unsigned value = 0;
            for (size_t k = first; k < end; k++) {
                value |= (unsigned)((v->bits[k][i / 64] >> (i % 64)) & 1)
                         << (k - first);
            }
            counts[value]++;
        }
        for (size_t i = 0; i < n; i++) {
            expected[i] = (double)N / (double)n;
        }
        double chi = stats_chi_square(counts, expected, n);
        if (chi > chi_square_limit(n - 1)) {
            fail_msg("%s: field %zu, bits %zu .. %zu: chi-square %.1f of %zu values",
                     v->name, f, first, end - 1, chi, n);
        }
    }
}

static void check_pairs(const view *v)
{
    const double limit = 6.5 * sqrt(N); // of 2^N coins: 8e-11
    double largest = 0;
    for (size_t a = 0; a < v->n_sent; a++) {
        for (size_t b = a + 1; b < v->n_bits; b++) {
            int64_t equal = N;
            for (size_t w = 0; w < WORDS; w++) {
                equal -= 2 * __builtin_popcountll(v->bits[a][w] ^ v->bits[b][w]);
            }
            largest = fmax(largest, fabs((double)equal));
            if (fabs((double)equal) > limit) {
                fail_msg("%s: bits %zu and %zu go together: %g of %d", v->name, a, b,
                         (double)equal, N);
            }
        }
    }
    printf("%s: %zu bits beside %zu; largest correlation %.1f sigma\n", v->name,
           v->n_sent, v->n_bits - v->n_sent, largest / sqrt(N));
}

// Gaussian elimination over all bits and the constant 1, of which no sum may vanish for
// all N values: random ones have 2^-14000 such sums. Destroys the bits.
static void check_sums(view *v)
{
    memset(v->bits[v->n_bits++], 0xff, sizeof v->bits[0]);
    for (size_t a = 0; a < v->n_bits; a++) {
        size_t w = 0;
        while (w < WORDS && v->bits[a][w] == 0) {
            w++;
        }
        if (w == WORDS) {
            fail_msg("%s: bit %zu is a sum of others before it", v->name, a);
        }
        const uint64_t pivot = v->bits[a][w] & (0 - v->bits[a][w]);
        for (size_t b = a + 1; b < v->n_bits; b++) {
            const bool has = (v->bits[b][w] & pivot) != 0;
            for (size_t i = w; i < WORDS && has; i++) {
                v->bits[b][i] ^= v->bits[a][i];
            }
        }
    }
}

static view *view_new(const char *name)
{
    view *v = bh_alloc(1, sizeof *v);
    assert_non_null(v);
    v->name = name;
    return v;
}

static void view_check(view *v)
{
    check_fields(v);
    check_pairs(v);
    check_sums(v);
    bh_free(v);
}

// Y sees what X sends: corrections, openings, the product and its choice.
static void check_x(const gate *g)
{
    static uint32_t numbers[N];
    view *v = view_new("what Y sees");
    const uint8_t *in = g->messages[0];
    for (unsigned q = 0; q < DIGITS; q++) {
        for (size_t i = 0; i < N; i++) {
            // A block of 64 has the first 32 in the low halves of 32 bytes.
            numbers[i] = in[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15;
        }
        add_numbers(v, numbers, 4, 4);
        in += N / 2;
    }
    add_planes(v, g->messages[2], 8 + 2);
    in = add_planes(v, g->messages[4], 2);
    add_planes(v, add_packed(v, in, BITS), 1);
    v->n_sent = v->n_bits;
    add_received(v, &g->y_in, NODES + 4);
    add_sent(v, &g->y_out, 4 * DIGITS, NODES, 5);
    add_sent(v, &g->y_out, 4 * DIGITS + NODES, 1, BITS);
    view_check(v);
}

// X sees what Y sends: tables, openings, four corrections and the product.
static void check_y(const gate *g)
{
    static uint32_t numbers[N];
    view *v = view_new("what X sees");
    const uint8_t *in = g->messages[1];
    for (unsigned q = 0; q < DIGITS; q++) {
        const unsigned bytes = q == 0 ? 2 : 4;
        for (size_t i = 0; i < N; i++) {
            numbers[i] = 0;
            for (unsigned k = 0; k < bytes; k++) {
                numbers[i] |= (uint32_t)*in++ << (8 * k);
            }
        }
        add_numbers(v, numbers, 8 * bytes, q == 0 ? 1 : 2);
    }
    add_planes(v, in, 8);
    add_planes(v, g->messages[3], 2 + 2 + 4);
    add_packed(v, g->messages[5], BITS);
    v->n_sent = v->n_bits;
    add_received(v, &g->x_in, 4 * DIGITS + NODES + 1);
    add_sent(v, &g->x_out, 0, NODES, 5);
    add_sent(v, &g->x_out, NODES, 4, BITS);
    view_check(v);
}

// Either party's share of the result, by itself.
static void check_results(const gate *g)
{
    view *v = view_new("shares of the result");
    add_numbers(v, bh_relu_result(g->x), BITS, 4);
    v->n_sent = v->n_bits;
    view_check(v);
    v = view_new("shares of the result");
    add_numbers(v, bh_relu_result(g->y), BITS, 4);
    v->n_sent = v->n_bits;
    view_check(v);
}

static void check_relu(const uint32_t *d_x, const uint32_t *d_y, test_rng *rng)
{
    gate g;
    assert_ok(gate_open(&g, N, BITS, d_x, d_y, rng));
    gate_run(&g);
    check_x(&g);
    check_y(&g);
    check_results(&g);
    gate_close(&g);
}

// Both shares fixed: all zero; -1 as 0x5555.. + 0xaaaa..; the largest number, all X's.
// Then random shares of large numbers of both signs.
static void test_relu(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("relu");
    static const uint32_t fixed[][2] = {
        {0, 0}, {0x555555, 0xaaaaaa}, {0x7fffff, 0}, {0x800000, 0xffffff}};
    static uint32_t d_x[N], d_y[N];
    for (size_t k = 0; k < sizeof fixed / sizeof fixed[0]; k++) {
        for (size_t i = 0; i < N; i++) {
            d_x[i] = fixed[k][0];
            d_y[i] = fixed[k][1];
        }
        check_relu(d_x, d_y, &rng);
    }
    for (size_t i = 0; i < N; i++) {
        uint32_t d = 0x3f0000 + (uint32_t)test_rng_below(&rng, 0x400000);
        d_x[i] = (uint32_t)test_rng_next(&rng);
        d_y[i] = (i % 3 == 0 ? d : 0 - d) - d_x[i];
    }
    check_relu(d_x, d_y, &rng);
}

static void check_truncation(uint32_t v, uint32_t v_p, test_rng *rng)
{
    static uint32_t p[N], q[N], u[N];
    static uint8_t messages[2][4 * N];
    const bh_truncation t = {N, 20, 6, 26}; // 12 bits of the OR
    bh_rot_supply out, in;
    assert_ok(dealer_deal(&out, &in, N, rng));
    for (size_t i = 0; i < N; i++) {
        p[i] = v_p;
        q[i] = v - v_p;
    }
    bh_truncate_choose(&t, messages[0], p, (bh_rot_received){in.m, in.c});
    bh_truncate_answer(&t, messages[1], u, q, messages[0],
                       (bh_rot_sent){out.m0, out.m1});
    view *seen = view_new("what Q sees");
    add_planes(seen, messages[0], 1);
    seen->n_sent = seen->n_bits;
    add_numbers(seen, out.m0, 32, 4);
    add_numbers(seen, out.m1, 32, 4);
    view_check(seen);
    seen = view_new("what P sees");
    add_packed(seen, messages[1], 12);
    seen->n_sent = seen->n_bits;
    add_received(seen, &in, 1);
    view_check(seen);
    bh_rot_supply_clear(&out);
    bh_rot_supply_clear(&in);
}

static void test_truncation(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("truncation");
    check_truncation(0, 0, &rng);
    check_truncation(0, 0x80000, &rng);
    check_truncation(0x7ffff, 0x3ffff, &rng);
    check_truncation(0x7ffff, 0xfffff, &rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu),
        cmocka_unit_test(test_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
