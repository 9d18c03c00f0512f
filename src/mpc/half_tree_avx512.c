// SPDX-License-Identifier: Apache-2.0
#include "mpc/half_tree_avx512.h"

#include "mpc/half_tree.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>

#include "base/memory.h"

// A node of eight trees is two vectors of four blocks each, a row. Four rows in flight
// keep the AES units busy.
enum { TREES = BH_HALF_TREES, HALVES = 2, ROWS = 4 };

typedef struct row {
    __m512i of[HALVES];
} row;

static inline row load(const bh_block *from)
{
    return (row){{_mm512_loadu_si512(from), _mm512_loadu_si512(from + 4)}};
}

static inline void store(bh_block *to, row x)
{
    _mm512_storeu_si512(to, x.of[0]);
    _mm512_storeu_si512(to + 4, x.of[1]);
}

static inline row xor2(row a, row b)
{
    return (row){
        {_mm512_xor_si512(a.of[0], b.of[0]), _mm512_xor_si512(a.of[1], b.of[1])}};
}

static inline row all(__m512i x)
{
    return (row){{x, x}};
}

// a where the mask is all ones, b where it is zero.
static inline row choose(row mask, row a, row b)
{
    const row both = xor2(a, b);
    return xor2(b, (row){{_mm512_and_si512(mask.of[0], both.of[0]),
                          _mm512_and_si512(mask.of[1], both.of[1])}});
}

// H of each of `count` rows, count a constant at most ROWS.
static inline void hash(const bh_aes128 *pi, row *out, const row *in, int count)
{
    __m512i s[ROWS * HALVES], x[ROWS * HALVES];
    for (int i = 0; i < count * HALVES; i++) {
        __m512i from = in[i / HALVES].of[i % HALVES];
        __m512i turned = _mm512_permutex_epi64(from, 0xb1);
        s[i] = x[i] = _mm512_mask_xor_epi64(turned, 0xaa, turned, from);
    }
    aes128_encrypt(pi, x, count * HALVES);
    for (int i = 0; i < count * HALVES; i++) {
        out[i / HALVES].of[i % HALVES] = _mm512_xor_si512(x[i], s[i]);
    }
}

// Where the receiver stands, as in mpc/half_tree.c, of eight trees. Parents fill both
// words of a block.
typedef struct paths {
    row parent, fix[2];
} paths;

static inline row fixed(const paths *p, row x, size_t y)
{
    const __m512i here = _mm512_set1_epi64((long long)(y / 2));
    for (int i = 0; i < HALVES; i++) {
        __mmask8 at = _mm512_cmpeq_epi64_mask(p->parent.of[i], here);
        x.of[i] = _mm512_mask_xor_epi64(x.of[i], at, x.of[i], p->fix[y % 2].of[i]);
    }
    return x;
}

typedef struct sides {
    row even, odd;
} sides;

static inline void grow_rows(const bh_aes128 *pi, bh_block *nodes, size_t first,
                             int count, const paths *p, sides *sum)
{
    row x[ROWS], a[ROWS];
    for (int i = 0; i < count; i++) {
        x[i] = load(nodes + (first + (size_t)i) * TREES);
        if (p != NULL) {
            x[i] = fixed(p, x[i], first + (size_t)i);
        }
    }
    hash(pi, a, x, count);
    for (int i = 0; i < count; i++) {
        bh_block *to = nodes + (first + (size_t)i) * 2 * TREES;
        row b = xor2(a[i], x[i]);
        store(to, a[i]);
        store(to + TREES, b);
        sum->even = xor2(sum->even, a[i]);
        sum->odd = xor2(sum->odd, b);
    }
}

// The next level from one of `count` nodes, 2 or a multiple of ROWS, in place from the
// last node on.
static inline sides grow(const bh_aes128 *pi, bh_block *nodes, size_t count,
                         const paths *p)
{
    sides sum = {all(_mm512_setzero_si512()), all(_mm512_setzero_si512())};
    if (count < ROWS) {
        grow_rows(pi, nodes, 0, 2, p, &sum);
        return sum;
    }
    while (count > 0) {
        count -= ROWS;
        grow_rows(pi, nodes, count, ROWS, p, &sum);
    }
    return sum;
}

static inline __m512i lowest(void)
{
    return _mm512_set_epi64(0, 1, 0, 1, 0, 1, 0, 1);
}

void bh_half_tree_send_avx512(const bh_aes128 *pi, bh_block *leaves, bh_block *sums,
                              const bh_block *q, bh_block delta, unsigned h)
{
    const __m512i d =
        _mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)(const void *)&delta));
    store(leaves, load(q));
    store(leaves + TREES, xor2(load(q), all(d)));
    for (unsigned i = 1; i < h; i++) {
        sides sum = grow(pi, leaves, (size_t)1 << i, NULL);
        store(sums + (i - 1) * TREES, xor2(sum.even, load(q + i * TREES)));
    }
    for (size_t i = 0; i < (size_t)TREES << h; i += 4) {
        __m512i x = _mm512_loadu_si512(leaves + i);
        _mm512_storeu_si512(leaves + i, _mm512_andnot_si512(lowest(), x));
    }
}

// All ones in the blocks whose lowest bit is set.
static inline row chosen(row t)
{
    for (int i = 0; i < HALVES; i++) {
        __m512i low = _mm512_and_si512(_mm512_permutex_epi64(t.of[i], 0xa0),
                                       _mm512_set1_epi64(1));
        t.of[i] = _mm512_sub_epi64(_mm512_setzero_si512(), low);
    }
    return t;
}

// Twice the point, and the side that was not chosen.
static inline row descend(row point, row choice)
{
    for (int i = 0; i < HALVES; i++) {
        __m512i side = _mm512_add_epi64(choice.of[i], _mm512_set1_epi64(1));
        point.of[i] =
            _mm512_add_epi64(_mm512_add_epi64(point.of[i], point.of[i]), side);
    }
    return point;
}

static inline void finish(bh_block *leaves, const paths *p, row point, unsigned h)
{
    for (size_t y = 0; y >> h == 0; y++) {
        const __m512i here = _mm512_set1_epi64((long long)y);
        row w = fixed(p, load(leaves + y * TREES), y);
        for (int i = 0; i < HALVES; i++) {
            __mmask8 at = _mm512_cmpeq_epi64_mask(point.of[i], here);
            w.of[i] = _mm512_andnot_si512(lowest(), w.of[i]);
            w.of[i] = _mm512_mask_or_epi64(w.of[i], at, w.of[i], lowest());
        }
        store(leaves + y * TREES, w);
    }
}

void bh_half_tree_receive_avx512(const bh_aes128 *pi, bh_block *leaves,
                                 const bh_block *t, const bh_block *sums, unsigned h)
{
    const row none = all(_mm512_setzero_si512());
    row zero[1], choice = chosen(load(t)), point = descend(none, choice);
    paths p = {none, {none, none}};
    hash(pi, zero, &none, 1);
    store(leaves, choose(choice, none, load(t)));
    store(leaves + TREES, choose(choice, load(t), none));
    for (unsigned i = 1; i < h; i++) {
        const bool last = i == h - 1;
        sides sum = grow(pi, leaves, (size_t)1 << i, &p);
        row known = xor2(load(t + i * TREES), load(sums + (i - 1) * TREES));
        row even = xor2(known, sum.even), odd = xor2(known, sum.odd);
        choice = chosen(load(t + i * TREES));
        p.parent = point;
        p.fix[0] = choose(choice, last ? even : zero[0], even);
        p.fix[1] = choose(choice, odd, last ? odd : zero[0]);
        point = descend(point, choice);
    }
    finish(leaves, &p, point, h);
    bh_wipe(&p, sizeof p);
}

#else

// Never called: bh_cpu_has(BH_CPU_AVX512) is false here.
void bh_half_tree_send_avx512(const bh_aes128 *pi, bh_block *leaves, bh_block *sums,
                              const bh_block *q, bh_block delta, unsigned h)
{
    (void)pi, (void)leaves, (void)sums, (void)q, (void)delta, (void)h;
}

void bh_half_tree_receive_avx512(const bh_aes128 *pi, bh_block *leaves,
                                 const bh_block *t, const bh_block *sums, unsigned h)
{
    (void)pi, (void)leaves, (void)t, (void)sums, (void)h;
}

#endif
