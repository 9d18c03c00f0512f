// SPDX-License-Identifier: Apache-2.0
#include "lab.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

// A flooding term's upper part, and a fraction of q that is still canonical.
enum { WIDE_BITS = 40, ROUND_BITS = 40 };
// Rows a line apart from multiples of 4 KiB, as those of polynomials are.
enum { FACTOR_ROWS = 3 * BH_TERMS_MAX, INPUT_ROWS = 8, STRIDE = LAB_N_MAX + 8 };

// ---- one function for every kernel ----

static void restore(void *user)
{
    lab *l = user;
    memcpy(l->a, l->canonical, l->n * sizeof *l->a);
}

static void restore_inputs(void *user)
{
    lab *l = user;
    for (size_t row = 0; row < INPUT_ROWS; row++) {
        memcpy(l->inputs + row * STRIDE, l->canonical, l->n * sizeof *l->inputs);
    }
    l->next_input = 0;
}

static void clear_accumulators(void *user)
{
    lab *l = user;
    memset(l->acc0, 0, l->n * sizeof *l->acc0);
    memset(l->acc1, 0, l->n * sizeof *l->acc1);
}

static void ntt_forward(void *user)
{
    lab *l = user;
    l->kernels->ntt_forward(&l->ntt, l->inputs + l->next_input++ * STRIDE);
}

static void ntt_forward_small(void *user)
{
    lab *l = user;
    l->kernels->ntt_forward_small(&l->ntt, l->a, l->small);
}

static void ntt_inverse(void *user)
{
    lab *l = user;
    l->kernels->ntt_inverse(&l->ntt, l->inputs + l->next_input++ * STRIDE);
}

static void reduce(void *user)
{
    lab *l = user;
    l->kernels->reduce(&l->ntt.mod, l->a, l->n);
}

static void mul_acc(void *user)
{
    lab *l = user;
    l->kernels->mul_acc(&l->ntt.mod, l->acc0, l->terms[0].x0, l->terms[0].w, l->n);
}

static void mul_acc2(void *user)
{
    lab *l = user;
    l->kernels->mul_acc2(&l->ntt.mod, l->acc0, l->acc1, l->terms, 1, false, l->n);
}

static void mul_acc2_terms(void *user)
{
    lab *l = user;
    l->kernels->mul_acc2(&l->ntt.mod, l->acc0, l->acc1, l->terms, BH_TERMS_MAX, false,
                         l->n);
}

static void add_small(void *user)
{
    lab *l = user;
    l->kernels->add_small(&l->ntt.mod, l->a, l->small, l->n);
}

static void add_scaled(void *user)
{
    lab *l = user;
    l->kernels->add_scaled(&l->ntt.mod, l->a, l->scaled, l->ntt.psi, l->n);
}

static void add_wide(void *user)
{
    lab *l = user;
    l->kernels->add_wide(&l->ntt.mod, l->a, l->words, l->factors, WIDE_BITS, l->ntt.psi,
                         l->n);
}

static void divide(void *user)
{
    lab *l = user;
    l->kernels->divide(&l->ntt.mod, l->a, l->factors, l->ntt.psi, l->n);
}

static void round_to_bits(void *user)
{
    lab *l = user;
    l->kernels->round(&l->ntt.mod, l->a, l->n, ROUND_BITS);
}

static void lift(void *user)
{
    lab *l = user;
    l->kernels->lift(&l->ntt.mod, l->a, l->n, l->prime_bits);
}

static void pack(void *user)
{
    lab *l = user;
    l->kernels->pack(l->bytes, l->canonical, l->n, l->prime_bits);
}

static void unpack(void *user)
{
    lab *l = user;
    l->kernels->unpack(l->a, l->bytes, l->n, l->prime_bits);
}

static void accept(void *user)
{
    lab *l = user;
    (void)l->kernels->accept_vartime(&l->ntt.mod, l->a, l->words, l->n);
}

static void ternary(void *user)
{
    lab *l = user;
    for (size_t i = 0; i < l->n; i += 64) {
        l->kernels->ternary(l->changed + i, l->words + i / 8);
    }
}

static void binomial(void *user)
{
    lab *l = user;
    l->kernels->binomial(l->changed, (const uint8_t *)l->words, l->n);
}

// `before` restores what the contract asks of inputs that the kernel changes. A
// transform is given canonical words once, so there are several rows of them, and an
// accumulator takes BH_MAC_TERMS_MAX products; what the other kernels leave they may be
// given again.
static const struct {
    const char *name;
    void (*run)(void *);
    void (*before)(void *);
    size_t batch_max;
    lab_figure figure;
    size_t products;
} operations[] = {
    {"ntt_forward", ntt_forward, restore_inputs, INPUT_ROWS, LAB_BUTTERFLIES, 0},
    {"ntt_forward_small", ntt_forward_small, NULL, 0, LAB_BUTTERFLIES, 0},
    {"ntt_inverse", ntt_inverse, restore_inputs, INPUT_ROWS, LAB_BUTTERFLIES, 0},
    {"mul_acc", mul_acc, clear_accumulators, BH_MAC_TERMS_MAX, LAB_OF_FORWARD, 1},
    {"mul_acc2", mul_acc2, clear_accumulators, BH_MAC_TERMS_MAX, LAB_OF_FORWARD, 1},
    {"mul_acc2_terms", mul_acc2_terms, clear_accumulators,
     BH_MAC_TERMS_MAX / BH_TERMS_MAX, LAB_OF_FORWARD, BH_TERMS_MAX},
    {"reduce", reduce, restore, 0, LAB_PER_WORD, 0},
    {"add_small", add_small, restore, 0, LAB_PER_WORD, 0},
    {"add_scaled", add_scaled, restore, 0, LAB_PER_WORD, 0},
    {"add_wide", add_wide, restore, 0, LAB_PER_WORD, 0},
    {"divide", divide, restore, 0, LAB_PER_WORD, 0},
    {"round", round_to_bits, restore, 0, LAB_PER_WORD, 0},
    {"lift", lift, restore, 0, LAB_PER_WORD, 0},
    {"pack", pack, NULL, 0, LAB_PER_WORD, 0},
    {"unpack", unpack, NULL, 0, LAB_PER_WORD, 0},
    {"accept_vartime", accept, NULL, 0, LAB_PER_WORD, 0},
    {"ternary", ternary, NULL, 0, LAB_PER_WORD, 0},
    {"binomial", binomial, NULL, 0, LAB_PER_WORD, 0},
};

lab_operation lab_get(lab *l, size_t index)
{
    if (index >= sizeof operations / sizeof operations[0]) {
        return (lab_operation){0};
    }
    return (lab_operation){operations[index].name,
                           {operations[index].run, operations[index].before,
                            operations[index].batch_max, l},
                           operations[index].figure,
                           operations[index].products};
}

// ---- the lab ----

bh_status lab_init(lab *l)
{
    *l = (lab){0};
    uint64_t **arrays[] = {&l->canonical, &l->words, &l->a, &l->acc0, &l->acc1};
    bool ok = true;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        // Lines apart from a multiple of 64 KiB: arrays there share their cache sets.
        *arrays[i] = bh_alloc(LAB_N_MAX + 8 * (i + 1), sizeof(uint64_t));
        ok = ok && *arrays[i] != NULL;
    }
    l->factors = bh_alloc(FACTOR_ROWS * (size_t)STRIDE, sizeof *l->factors);
    l->inputs = bh_alloc(INPUT_ROWS * (size_t)STRIDE, sizeof *l->inputs);
    l->small = bh_alloc(LAB_N_MAX, sizeof *l->small);
    l->scaled = bh_alloc(LAB_N_MAX, sizeof *l->scaled);
    l->changed = bh_alloc(LAB_N_MAX, sizeof *l->changed);
    l->bytes = bh_alloc(LAB_N_MAX, sizeof(uint64_t));
    ok = ok && l->factors != NULL && l->small != NULL && l->scaled != NULL &&
         l->changed != NULL && l->bytes != NULL && l->inputs != NULL;
    return ok ? BH_OK : BH_ERR_NOMEM;
}

void lab_clear(lab *l)
{
    void *blocks[] = {l->canonical, l->words,   l->a,     l->acc0,
                      l->acc1,      l->factors, l->small, l->scaled,
                      l->changed,   l->bytes,   l->inputs};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bh_free(blocks[i]);
    }
    *l = (lab){0};
}

// The parameter set's first prime; else the largest of so many bits that is 1 modulo
// 2 LAB_N_MAX.
static uint64_t prime_of(unsigned bits)
{
    uint64_t q = (UINT64_C(1) << bits) + 1;
    if (bits == 46) {
        return UINT64_C(70367133564929);
    }
    do {
        q -= 2 * LAB_N_MAX;
    } while (!bh_is_prime_vartime(q));
    return q;
}

bh_status lab_choose(lab *l, const bh_kernels *kernels, size_t n, unsigned prime_bits)
{
    l->kernels = kernels;
    l->n = n;
    l->prime_bits = prime_bits;
    bh_status status = bh_ntt_init(&l->ntt, prime_of(prime_bits), n, kernels);
    if (status != BH_OK) {
        return status;
    }
    uint64_t q = l->ntt.mod.q, x = 1;
    for (size_t i = 0; i < n; i++) { // Knuth's MMIX generator
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        l->words[i] = x;
        l->canonical[i] = (x >> 8) % q;
        for (size_t row = 0; row < FACTOR_ROWS; row++) {
            l->factors[row * STRIDE + i] = (x >> row) % q;
        }
        l->small[i] = (int32_t)(x >> 56) - 128;
        l->scaled[i] = (int64_t)(x >> 32) - (INT64_C(1) << 31);
    }
    for (size_t k = 0; k < BH_TERMS_MAX; k++) {
        const uint64_t *row = l->factors + 3 * k * STRIDE;
        l->terms[k] = (bh_term){row, row + STRIDE, row + 2 * STRIDE};
    }
    restore(l);
    clear_accumulators(l);
    pack(l);
    return BH_OK;
}

void lab_leave(lab *l)
{
    bh_ntt_clear(&l->ntt);
}
