// SPDX-License-Identifier: Apache-2.0
// Extended transfers: what both parties end with fits together for every k, at every
// level of processor and between levels, over batches of odd sizes; and whatever is
// tampered with makes wrong results, no more.
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "mpc/columns.h"
#include "mpc/hash.h"
#include "mpc/softspoken.h"
#include "support/blocks.h"
#include "support/dealer.h"
#include "support/faults.h"
#include "support/levels.h"
#include "support/test.h"

enum { MOST = 2 * BH_CHUNK + BH_GROUP + 77 };

static const unsigned all_k[] = {2, 4, 8};

// What base transfers leave behind, by a dealer; and both parties.
typedef struct pair {
    unsigned k;
    bh_block pairs[BH_KAPPA][2], keys[BH_KAPPA], delta;
    uint8_t setup[BH_SOFTSPOKEN_SETUP_BYTES];
    bh_softspoken_receiver *receiver;
    bh_softspoken_sender *sender;
    uint8_t *message; // room for MOST
    bh_rot_supply sent, received;
    bh_block *q, *t;
    uint8_t *c;
} pair;

static unsigned bit_of(bh_block b, size_t i)
{
    return (unsigned)(b.w[i / 64] >> i % 64 & 1);
}

static void deal(pair *p, unsigned k, test_rng *rng)
{
    memset(p, 0, sizeof *p);
    p->k = k;
    p->delta = blocks_random(rng);
    for (size_t i = 0; i < BH_KAPPA; i++) {
        p->pairs[i][0] = blocks_random(rng);
        p->pairs[i][1] = blocks_random(rng);
        p->keys[i] = p->pairs[i][bit_of(p->delta, i)];
    }
    p->message = bh_alloc(bh_softspoken_message_bytes(k, MOST) + 1, 1);
    p->q = bh_alloc(MOST, sizeof *p->q);
    p->t = bh_alloc(MOST, sizeof *p->t);
    p->c = bh_alloc(MOST, 1);
    assert_true(p->message != NULL && p->q != NULL && p->t != NULL && p->c != NULL);
}

static void set_up(pair *p, unsigned k, test_rng *rng)
{
    deal(p, k, rng);
    assert_ok(bh_softspoken_receiver_new(&p->receiver, k, p->setup,
                                         (const bh_block(*)[2])p->pairs));
    assert_ok(bh_softspoken_sender_new(&p->sender, k, p->setup, p->keys, p->delta));
}

static void tear_down(pair *p)
{
    bh_rot_supply_clear(&p->sent);
    bh_rot_supply_clear(&p->received);
    bh_softspoken_receiver_free(p->receiver);
    bh_softspoken_sender_free(p->sender);
    bh_free(p->message);
    bh_free(p->q);
    bh_free(p->t);
    bh_free(p->c);
}

// n correlated transfers, with a guard behind the message.
static void correlate(pair *p, size_t n)
{
    const size_t bytes = bh_softspoken_message_bytes(p->k, n);
    p->message[bytes] = 0xa5;
    assert_ok(bh_softspoken_receive_correlated(p->receiver, p->t, p->c, n, p->message));
    assert_int_equal(p->message[bytes], 0xa5);
    assert_ok(bh_softspoken_send_correlated(p->sender, p->q, n, p->message));
}

static void transfer(pair *p, size_t n)
{
    const size_t bytes = bh_softspoken_message_bytes(p->k, n);
    bh_rot_supply_clear(&p->sent);
    bh_rot_supply_clear(&p->received);
    assert_ok(bh_rot_supply_init_sender(&p->sent, n));
    assert_ok(bh_rot_supply_init_receiver(&p->received, n));
    p->message[bytes] = 0xa5;
    assert_ok(bh_softspoken_receive(p->receiver, &p->received, p->message));
    assert_int_equal(p->message[bytes], 0xa5);
    assert_ok(bh_softspoken_send(p->sender, &p->sent, p->message));
}

// Transfers of which t = q + c Delta.
static size_t count_good(const pair *p, size_t n)
{
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        bh_block t = p->c[i] ? bh_block_xor(p->q[i], p->delta) : p->q[i];
        good += memcmp(&t, &p->t[i], sizeof t) == 0;
        assert_true(p->c[i] <= 1);
    }
    return good;
}

static const size_t sizes[] = {1,    7,    0,    129, BH_GROUP,     513,
                               1000, 3331, 8191, 100, BH_CHUNK + 1, MOST};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

// Pads of a receiver are those that were chosen; of the others as many agree as by
// chance, none in 2^32 (two of n would be once in 10^11 runs).
static void assert_pads(const pair *p)
{
    const dealer_faults faults = dealer_check(&p->sent, &p->received);
    assert_int_equal(faults.wrong, 0);
    assert_true(faults.alike < 2);
}

static void check_pairs(bh_cpu level)
{
    test_rng rng = test_rng_new(bh_cpu_name(level));
    for (size_t i = 0; i < 3; i++) {
        pair p;
        set_up(&p, all_k[i], &rng);
        for (size_t j = 0; j < SIZES; j++) {
            const size_t n = sizes[j];
            correlate(&p, n);
            assert_int_equal(count_good(&p, n), n);
            transfer(&p, n);
            assert_pads(&p);
        }
        tear_down(&p);
    }
}

static void test_pairs(void **state)
{
    (void)state;
    levels_each(check_pairs);
}

enum { AGREED = BH_CHUNK + 700 };

// The same pair at a level: a dealer and seeds that are fixed.
static void set_up_at(pair *p, bh_cpu level, unsigned k, uint64_t seed)
{
    test_rng rng = {seed};
    bh_hooks_get()->fixed_seed = seed;
    setenv("BH_CPU", bh_cpu_name(level), 1);
    set_up(p, k, &rng);
    unsetenv("BH_CPU");
    transfer(p, AGREED);
}

// Every level makes the same trees, messages and transfers of the same seeds.
static void check_agrees(bh_cpu level)
{
    test_rng rng = test_rng_new(bh_cpu_name(level));
    bh_hooks_get()->fixed_seed_on = true;
    for (size_t i = 0; i < 3; i++) {
        const uint64_t seed = test_rng_next(&rng);
        const size_t bytes = AGREED * sizeof(uint32_t);
        pair a, b;
        set_up_at(&a, BH_CPU_PORTABLE, all_k[i], seed);
        set_up_at(&b, level, all_k[i], seed);
        assert_memory_equal(a.setup, b.setup, sizeof a.setup);
        assert_memory_equal(a.message, b.message,
                            bh_softspoken_message_bytes(all_k[i], AGREED));
        assert_memory_equal(a.sent.m0, b.sent.m0, bytes);
        assert_memory_equal(a.sent.m1, b.sent.m1, bytes);
        assert_memory_equal(a.received.m, b.received.m, bytes);
        assert_memory_equal(a.received.c, b.received.c, AGREED);
        tear_down(&a);
        tear_down(&b);
    }
    bh_hooks_get()->fixed_seed_on = false;
}

static void test_levels_agree(void **state)
{
    (void)state;
    levels_each(check_agrees);
}

// 128 / k - 1 bits a transfer, each column in whole bytes.
static void test_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const unsigned k = all_k[i];
        for (size_t n = 0; n < 40000; n += 1 + n / 50) {
            assert_int_equal(bh_softspoken_message_bytes(k, n),
                             (128 / k - 1) * ((n + 7) / 8));
        }
    }
}

static int compare_blocks(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bh_block));
}

// Balanced bits: of n fair ones the sum is within 6 sqrt(n) / 2 of n / 2, but for once
// in 5 * 10^8. Looked at: choices, each bit of q, of the pads and of every column that
// is sent, and whether choices follow those columns.
static void assert_fair(size_t ones, size_t n)
{
    double off = (double)ones - (double)n / 2;
    if (off * off > 36.0 * (double)n / 4) {
        fail_msg("%zu ones of %zu bits", ones, n);
    }
}

static void check_columns(const pair *p, size_t n)
{
    for (size_t j = 0; j < 128 / p->k - 1; j++) {
        size_t ones = 0, agree = 0;
        for (size_t i = 0; i < n; i++) {
            unsigned bit = p->message[j * (n / 8) + i / 8] >> i % 8 & 1;
            ones += bit;
            agree += bit == p->c[i];
        }
        assert_fair(ones, n);
        assert_fair(agree, n);
    }
}

static void check_random(bh_cpu level)
{
    enum { N = BH_CHUNK }; // whose message is whole columns
    test_rng rng = test_rng_new(bh_cpu_name(level));
    for (size_t i = 0; i < 3; i++) {
        pair p;
        size_t chosen = 0;
        bh_block *before = bh_alloc(3 * N, sizeof *before);
        assert_non_null(before);
        set_up(&p, all_k[i], &rng);
        for (size_t batch = 0; batch < 3; batch++) {
            correlate(&p, N);
            check_columns(&p, N);
            memcpy(before + batch * N, p.q, N * sizeof *p.q);
            for (size_t j = 0; j < N; j++) {
                chosen += p.c[j];
            }
        }
        assert_fair(chosen, (size_t)3 * N);
        for (size_t bit = 0; bit < BH_KAPPA; bit++) {
            size_t ones = 0;
            for (size_t j = 0; j < (size_t)3 * N; j++) {
                ones += bit_of(before[j], bit);
            }
            assert_fair(ones, (size_t)3 * N);
        }
        // no two transfers are equal
        qsort(before, (size_t)3 * N, sizeof *before, compare_blocks);
        for (size_t j = 1; j < (size_t)3 * N; j++) {
            assert_memory_not_equal(&before[j - 1], &before[j], sizeof *before);
        }
        bh_free(before);
        tear_down(&p);
    }
}

static void test_random(void **state)
{
    (void)state;
    levels_each(check_random);
}

// Pads are the hashes of the correlated blocks under the number of the transfer: two
// pairs from the same dealer and seeds, one of which does not hash.
static void check_pads(bh_cpu level)
{
    test_rng rng = test_rng_new(bh_cpu_name(level));
    bh_hooks *hooks = bh_hooks_get();
    hooks->fixed_seed_on = true;
    for (size_t i = 0; i < 3; i++) {
        pair hashed, plain;
        bh_hasher *h;
        uint64_t number = 0;
        test_rng copy = rng;
        hooks->fixed_seed = 5;
        set_up(&hashed, all_k[i], &copy);
        hooks->fixed_seed = 5;
        set_up(&plain, all_k[i], &rng);
        assert_ok(bh_hasher_new(&h));
        for (size_t j = 0; j < SIZES; j++) {
            const size_t n = sizes[j];
            uint32_t *want = bh_alloc(n, sizeof *want);
            transfer(&hashed, n);
            correlate(&plain, n);
            assert_memory_equal(hashed.received.c, plain.c, n);
            assert_ok(bh_hash_pads(h, want, plain.q, (bh_block){{0}}, number, n));
            assert_memory_equal(hashed.sent.m0, want, n * sizeof *want);
            assert_ok(bh_hash_pads(h, want, plain.q, plain.delta, number, n));
            assert_memory_equal(hashed.sent.m1, want, n * sizeof *want);
            bh_free(want);
            number += n;
        }
        bh_hasher_free(h);
        tear_down(&hashed);
        tear_down(&plain);
    }
    hooks->fixed_seed_on = false;
}

static void test_pads(void **state)
{
    (void)state;
    levels_each(check_pads);
}

// One changed byte of the setup, one of a message, and noise for either.
static void test_tampered(void **state)
{
    enum { N = 1000 };
    test_rng rng = test_rng_new("tampered");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pair p;
        set_up(&p, all_k[i], &rng);
        correlate(&p, N);
        const size_t bytes = bh_softspoken_message_bytes(p.k, N);
        size_t good;
        // both sums of a level: whichever was chosen, every leaf behind it is another
        bh_softspoken_sender_free(p.sender);
        p.setup[0] ^= 1;
        p.setup[16] ^= 1;
        assert_ok(bh_softspoken_sender_new(&p.sender, p.k, p.setup, p.keys, p.delta));
        assert_ok(bh_softspoken_send_correlated(p.sender, p.q, N, p.message));
        good = count_good(&p, N);
        assert_true(good < N / 2 + 100);
        for (size_t j = 0; j < sizeof p.setup; j++) {
            p.setup[j] = (uint8_t)test_rng_next(&rng);
        }
        bh_softspoken_sender_free(p.sender);
        assert_ok(bh_softspoken_sender_new(&p.sender, p.k, p.setup, p.keys, p.delta));
        assert_ok(bh_softspoken_send_correlated(p.sender, p.q, N, p.message));
        assert_int_equal(count_good(&p, N), 0);
        tear_down(&p);

        // eight transfers at most go wrong with a byte
        set_up(&p, all_k[i], &rng);
        assert_ok(bh_softspoken_receive_correlated(p.receiver, p.t, p.c, N, p.message));
        p.message[bytes - 1] ^= 0x55;
        assert_ok(bh_softspoken_send_correlated(p.sender, p.q, N, p.message));
        assert_true(count_good(&p, N) >= N - 8);
        assert_ok(bh_softspoken_receive_correlated(p.receiver, p.t, p.c, N, p.message));
        for (size_t j = 0; j < bytes; j++) {
            p.message[j] = (uint8_t)test_rng_next(&rng);
        }
        assert_ok(bh_softspoken_send_correlated(p.sender, p.q, N, p.message));
        assert_true(count_good(&p, N) < 100);
        correlate(&p, N); // which is forgotten with the next batch
        assert_int_equal(count_good(&p, N), N);
        tear_down(&p);
    }
}

// Whoever has not Delta's keys, but others, has nothing.
static void test_other_keys(void **state)
{
    enum { N = 2000 };
    test_rng rng = test_rng_new("keys");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pair p;
        deal(&p, all_k[i], &rng);
        assert_ok(bh_softspoken_receiver_new(&p.receiver, p.k, p.setup,
                                             (const bh_block(*)[2])p.pairs));
        for (size_t j = 0; j < BH_KAPPA; j++) {
            p.keys[j] = p.pairs[j][1 - bit_of(p.delta, j)];
        }
        assert_ok(bh_softspoken_sender_new(&p.sender, p.k, p.setup, p.keys, p.delta));
        correlate(&p, N);
        assert_int_equal(count_good(&p, N), 0);
        tear_down(&p);
    }
}

static bh_status make(void *user)
{
    pair *p = user;
    bh_status status = bh_softspoken_receiver_new(&p->receiver, p->k, p->setup,
                                                  (const bh_block(*)[2])p->pairs);
    if (status == BH_OK) {
        status =
            bh_softspoken_sender_new(&p->sender, p->k, p->setup, p->keys, p->delta);
        assert_true((status == BH_OK) == (p->sender != NULL));
    } else {
        static const uint8_t zeroes[sizeof p->setup];
        assert_null(p->receiver);
        assert_memory_equal(p->setup, zeroes, sizeof zeroes);
    }
    bh_softspoken_receiver_free(p->receiver);
    bh_softspoken_sender_free(p->sender);
    p->receiver = NULL;
    p->sender = NULL;
    return status;
}

static void check_failures(bh_cpu level)
{
    bh_hooks *hooks = bh_hooks_get();
    test_rng rng = test_rng_new(bh_cpu_name(level));
    for (size_t i = 0; i < 3; i++) {
        pair p;
        deal(&p, all_k[i], &rng);
        assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, make, &p) >= 10);
        assert_int_equal(fail_each(&hooks->fail_random_at, BH_ERR_RNG, make, &p), 1);
        tear_down(&p);
    }
}

static void test_failures(void **state)
{
    (void)state;
    levels_each(check_failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),      cmocka_unit_test(test_levels_agree),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_random),
        cmocka_unit_test(test_pads),       cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_other_keys), cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
