// SPDX-License-Identifier: Apache-2.0
// Silent transfer: both parties against a dealer, at every level of processor.
#include <math.h>
#include <string.h>

#include "base/hooks.h"
#include "base/memory.h"
#include "base/random.h"
#include "mpc/ferret.h"
#include "mpc/half_tree.h"
#include "mpc/lpn.h"
#include "mpc/softspoken.h"
#include "support/blocks.h"
#include "support/dealer.h"
#include "support/faults.h"
#include "support/levels.h"
#include "support/test.h"

enum { TREES = BH_HALF_TREES };

// Far too small to be secure, but of every shape: rows that are kept end within a batch
// of trees.
static const bh_ferret_params tiny = {"INSECURE", 100, 16, 5};

// Correlated transfers, M of them.
typedef struct dealt {
    size_t m;
    bh_block delta, *q, *t;
    uint8_t *c;
} dealt;

static dealt deal(const bh_ferret_params *p, test_rng *rng)
{
    dealt d = {.m = bh_ferret_spent(p), .delta = blocks_random(rng)};
    d.delta.w[0] |= 1;
    d.q = bh_alloc(d.m, sizeof *d.q);
    d.t = bh_alloc(d.m, sizeof *d.t);
    d.c = bh_alloc(d.m, 1);
    for (size_t i = 0; i < d.m; i++) {
        d.q[i] = blocks_random(rng);
        d.c[i] = (uint8_t)test_rng_below(rng, 2);
        d.t[i] = bh_block_xor(d.q[i], bh_block_and(d.delta, 0 - (uint64_t)d.c[i]));
    }
    return d;
}

static void clear_dealt(dealt *d)
{
    bh_free(d->q);
    bh_free(d->t);
    bh_free(d->c);
}

// Both parties.
typedef struct pair {
    dealt d;
    bh_ferret *s, *r;
} pair;

static pair pair_new(const bh_ferret_params *p, test_rng *rng,
                     const uint8_t *transcript)
{
    pair x = {.d = deal(p, rng)};
    assert_ok(bh_ferret_new_sender(&x.s, p, x.d.q, x.d.delta, transcript));
    assert_ok(bh_ferret_new_receiver(&x.r, p, x.d.t, x.d.c, transcript));
    return x;
}

static void pair_free(pair *x)
{
    bh_ferret_free(x->s);
    bh_ferret_free(x->r);
    clear_dealt(&x->d);
}

// The next n transfers of both parties.
typedef struct made {
    bh_rot_supply sent, received;
    uint8_t *message;
    size_t bytes;
} made;

static made make(pair *x, size_t n)
{
    made m = {.bytes = bh_ferret_bytes(x->s, n)};
    assert_int_equal(m.bytes, bh_ferret_bytes(x->r, n));
    m.message = bh_alloc(m.bytes, 1);
    assert_ok(bh_rot_supply_init_sender(&m.sent, n));
    assert_ok(bh_rot_supply_init_receiver(&m.received, n));
    assert_ok(bh_ferret_send(x->s, &m.sent, m.message));
    assert_ok(bh_ferret_receive(x->r, &m.received, m.message));
    return m;
}

static void made_clear(made *m)
{
    bh_rot_supply_clear(&m->sent);
    bh_rot_supply_clear(&m->received);
    bh_free(m->message);
}

// How many transfers are not what they should be.
static size_t count_wrong(const made *m)
{
    const dealer_faults faults = dealer_check(&m->sent, &m->received);
    return faults.wrong + faults.alike;
}

// Whole iterations.

// Several iterations, asked for in pieces of all sizes.
static void check_transfers(bh_cpu level)
{
    (void)level;
    test_rng rng = test_rng_new("transfers");
    const size_t given = bh_ferret_given(&tiny);
    for (int trial = 0; trial < 20; trial++) {
        pair x = pair_new(&tiny, &rng, NULL);
        size_t total = 0, ones = 0, bytes = 0;
        for (int i = 0; i < 30; i++) {
            const size_t sizes[] = {0,
                                    1,
                                    given - 1,
                                    given,
                                    given + 1,
                                    3 * given,
                                    test_rng_below(&rng, 4 * given)};
            size_t n = sizes[test_rng_below(&rng, sizeof sizes / sizeof sizes[0])];
            made m = make(&x, n);
            assert_int_equal(count_wrong(&m), 0);
            for (size_t b = 0; b < n; b++) {
                ones += m.received.c[b];
            }
            total += n;
            bytes += m.bytes;
            made_clear(&m);
        }
        // whole iterations, as few as will do
        assert_int_equal(bytes,
                         (total + given - 1) / given * bh_ferret_message_bytes(&tiny));
        assert_true(fabs((double)ones - (double)total / 2) < 4 * sqrt((double)total));
        pair_free(&x);
    }
}

static void test_transfers(void **state)
{
    (void)state;
    levels_each(check_transfers);
}

// A set in use, two iterations; no pad twice more often than chance has it.
static void test_set(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("set");
    const bh_ferret_params *p = bh_ferret_set(0);
    const size_t n = 2 * bh_ferret_given(p);
    pair x = pair_new(p, &rng, (const uint8_t[32]){5});
    made m = make(&x, n);
    assert_int_equal(m.bytes, 2 * bh_ferret_message_bytes(p));
    assert_int_equal(count_wrong(&m), 0);
    size_t ones = 0, bits[32] = {0};
    for (size_t i = 0; i < n; i++) {
        ones += m.received.c[i];
        for (size_t b = 0; b < 32; b++) {
            bits[b] += m.sent.m0[i] >> b & 1;
        }
    }
    const double bound = 3 * sqrt((double)n); // six deviations
    assert_true(fabs((double)ones - (double)n / 2) < bound);
    for (size_t b = 0; b < 32; b++) {
        assert_true(fabs((double)bits[b] - (double)n / 2) < bound);
    }
    made_clear(&m);
    pair_free(&x);
}

// From nothing: base transfers, SoftSpokenOT, and then silent ones.
static void test_bootstrap(void **state)
{
    (void)state;
    enum { SOFT_K = 4 };
    const size_t m = bh_ferret_spent(&tiny), n = 3 * bh_ferret_given(&tiny);
    test_rng rng = test_rng_new("bootstrap");
    bh_block pairs[BH_KAPPA][2], keys[BH_KAPPA], delta = blocks_random(&rng);
    delta.w[0] |= 1;
    bh_base_sender *base;
    static uint8_t offer[BH_BASE_OT_OFFER_BYTES], reply[BH_BASE_OT_REPLY_BYTES];
    assert_ok(bh_base_sender_new(&base, offer));
    assert_ok(bh_base_receive(reply, keys, delta, offer));
    assert_ok(bh_base_sender_finish(base, pairs, reply));
    uint8_t *setup = bh_alloc(BH_SOFTSPOKEN_SETUP_BYTES, 1);
    uint8_t *message = bh_alloc(bh_softspoken_message_bytes(SOFT_K, m), 1);
    bh_softspoken_receiver *soft_r;
    bh_softspoken_sender *soft_s;
    assert_ok(bh_softspoken_receiver_new(&soft_r, SOFT_K, setup,
                                         (const bh_block(*)[2])pairs));
    assert_ok(bh_softspoken_sender_new(&soft_s, SOFT_K, setup, keys, delta));
    pair x = {.d = deal(&tiny, &rng)};
    assert_ok(bh_softspoken_receive_correlated(soft_r, x.d.t, x.d.c, m, message));
    assert_ok(bh_softspoken_send_correlated(soft_s, x.d.q, m, message));
    assert_ok(bh_ferret_new_sender(&x.s, &tiny, x.d.q, delta, NULL));
    assert_ok(bh_ferret_new_receiver(&x.r, &tiny, x.d.t, x.d.c, NULL));
    made made_ = make(&x, n);
    assert_int_equal(count_wrong(&made_), 0);
    made_clear(&made_);
    pair_free(&x);
    bh_softspoken_receiver_free(soft_r);
    bh_softspoken_sender_free(soft_s);
    bh_base_sender_free(base);
    bh_free(setup);
    bh_free(message);
}

// Choices of the first iteration, recomputed from the dealer's: the code's rows and one
// noise position in each block, at the complement of the choices that its tree took.
static void test_noise(void **state)
{
    (void)state;
    static const uint8_t seed[BH_SEED_BYTES];
    test_rng rng = test_rng_new("noise");
    const size_t n = bh_ferret_n(&tiny), given = bh_ferret_given(&tiny);
    bh_stream_key key;
    static uint32_t words[(16 << 5) * BH_LPN_D]; // as mpc/lpn.h says
    assert_ok(bh_stream_key_derive(&key, seed, "silent code", NULL));
    for (size_t i = 0; i < n * BH_LPN_D / 4; i++) {
        const bh_block block = blocks_encrypt(key.bytes, (bh_block){{i, 0}});
        memcpy(words + 4 * i, &block, sizeof block);
    }
    for (int trial = 0; trial < 50; trial++) {
        pair x = pair_new(&tiny, &rng, NULL);
        made m = make(&x, given);
        uint8_t noise[16 << 5] = {0};
        size_t positions = 0;
        assert_int_equal(sizeof noise, n);
        for (size_t tree = 0; tree < tiny.tau; tree++) {
            size_t point = 0;
            const uint8_t *c = x.d.c + tiny.k + tree / TREES * TREES * tiny.h;
            for (size_t i = 0; i < tiny.h; i++) {
                point = 2 * point + (1U - c[i * TREES + tree % TREES]);
            }
            noise[((tree / TREES << tiny.h) + point) * TREES + tree % TREES] = 1;
        }
        for (size_t r = 0; r < n; r++) {
            uint8_t sum = noise[r];
            for (size_t i = 0; i < BH_LPN_D; i++) {
                sum ^= x.d.c[(uint64_t)words[r * BH_LPN_D + i] * tiny.k >> 32];
            }
            positions += noise[r];
            if (r >= x.d.m) {
                assert_int_equal(m.received.c[r - x.d.m], sum);
            }
        }
        assert_int_equal(positions, tiny.tau);
        made_clear(&m);
        pair_free(&x);
    }
}

// The same bytes from every level.
typedef struct recorded {
    uint8_t digest[32];
} recorded;

static recorded expected;
static bool has_expected;

static void check_same(bh_cpu level)
{
    (void)level;
    test_rng rng = {42};
    recorded got = {{0}};
    const bh_ferret_params *const of[] = {&tiny, bh_ferret_set(1)};
    for (size_t i = 0; i < 2; i++) {
        const size_t n = 2 * bh_ferret_given(of[i]) + 5;
        pair x = pair_new(of[i], &rng, NULL);
        made m = make(&x, n);
        assert_ok(bh_hash(got.digest, got.digest, 32, m.message, m.bytes));
        assert_ok(bh_hash(got.digest, got.digest, 32, m.sent.m0, n * 4));
        assert_ok(bh_hash(got.digest, got.digest, 32, m.sent.m1, n * 4));
        assert_ok(bh_hash(got.digest, got.digest, 32, m.received.m, n * 4));
        assert_ok(bh_hash(got.digest, got.digest, 32, m.received.c, n));
        made_clear(&m);
        pair_free(&x);
    }
    if (has_expected) {
        assert_memory_equal(&got, &expected, sizeof got);
    }
    expected = got;
    has_expected = true;
}

static void test_same(void **state)
{
    (void)state;
    levels_each(check_same);
}

// A code that is bound to another session, or a changed message: wrong transfers, and
// only those.
static void test_tampered(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("tampered");
    const size_t n = 2 * bh_ferret_given(&tiny);
    for (int trial = 0; trial < 200; trial++) {
        pair x = pair_new(&tiny, &rng, NULL);
        made m = make(&x, n);
        bh_ferret *r;
        assert_ok(bh_ferret_new_receiver(&r, &tiny, x.d.t, x.d.c, NULL));
        for (size_t i = 1 + test_rng_below(&rng, 20); i-- > 0;) {
            m.message[test_rng_below(&rng, m.bytes)] ^=
                (uint8_t)(1 + test_rng_below(&rng, 255));
        }
        if (trial == 0) {
            memset(m.message, 0xff, m.bytes);
        }
        assert_ok(bh_ferret_receive(r, &m.received, m.message));
        // what was changed may be a bit that leaves lose, or of a transfer that is kept
        assert_true(count_wrong(&m) > 0 || trial > 0);
        bh_ferret_free(r);
        made_clear(&m);
        pair_free(&x);
    }
    const uint8_t other[32] = {1};
    pair x = {.d = deal(&tiny, &rng)};
    assert_ok(bh_ferret_new_sender(&x.s, &tiny, x.d.q, x.d.delta, NULL));
    assert_ok(bh_ferret_new_receiver(&x.r, &tiny, x.d.t, x.d.c, other));
    made m = make(&x, n);
    assert_true(count_wrong(&m) > n / 3);
    made_clear(&m);
    pair_free(&x);
}

static void test_sets(void **state)
{
    (void)state;
    size_t before = 0, i = 0;
    for (const bh_ferret_params *p; (p = bh_ferret_set(i)) != NULL; i++) {
        assert_true(p->tau % TREES == 0);
        assert_true(p->h >= BH_HALF_TREE_H_MIN && p->h <= BH_HALF_TREE_H_MAX);
        assert_true(bh_ferret_spent(p) < bh_ferret_n(p) / 2);
        assert_int_equal(bh_ferret_message_bytes(p), 16 * (p->h - 1) * p->tau);
        const size_t given = bh_ferret_given(p);
        assert_true(given > before);
        assert_ptr_equal(bh_ferret_pick(before + 1), p);
        assert_ptr_equal(bh_ferret_pick(given), p);
        before = given;
    }
    assert_ptr_equal(bh_ferret_pick(0), bh_ferret_set(0));
    assert_ptr_equal(bh_ferret_pick(SIZE_MAX), bh_ferret_set(i - 1));
    // what docs/silent-ot.md says of lenet-caffe
    assert_true(bh_ferret_given(bh_ferret_pick(350000)) < 400000);
}

// Failures.

static void test_arguments(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("arguments");
    dealt d = deal(&tiny, &rng);
    bh_ferret *s;
    d.delta.w[0] ^= 1;
    assert_status(bh_ferret_new_sender(&s, &tiny, d.q, d.delta, NULL), BH_ERR_ARG);
    assert_null(s);
    clear_dealt(&d);
}

static bh_status run_sender(void *dealt_)
{
    const dealt *d = dealt_;
    const size_t n = 2 * bh_ferret_given(&tiny) + 1;
    uint32_t m0[1000], m1[1000];
    uint8_t message[3 * 16 * 4 * 16];
    bh_rot_supply out = {.n = n, .m0 = m0, .m1 = m1};
    bh_ferret *s;
    assert_true(n <= 1000 && sizeof message == 3 * bh_ferret_message_bytes(&tiny));
    bh_status status = bh_ferret_new_sender(&s, &tiny, d->q, d->delta, NULL);
    if (status != BH_OK) {
        assert_null(s);
        return status;
    }
    memset(m0, 1, sizeof m0);
    memset(message, 1, sizeof message);
    status = bh_ferret_send(s, &out, message);
    if (status != BH_OK) {
        assert_true(test_is_zero(m0, n * sizeof *m0) &&
                    test_is_zero(m1, n * sizeof *m1));
        assert_true(test_is_zero(message, sizeof message));
        assert_status(bh_ferret_send(s, &out, message), BH_ERR_STATE);
    }
    bh_ferret_free(s);
    return status;
}

static bh_status run_receiver(void *dealt_)
{
    const dealt *d = dealt_;
    const size_t n = 2 * bh_ferret_given(&tiny) + 1;
    uint32_t m[1000];
    uint8_t c[1000];
    const uint8_t message[3 * 16 * 4 * 16] = {0};
    bh_rot_supply out = {.n = n, .m = m, .c = c};
    bh_ferret *r;
    bh_status status = bh_ferret_new_receiver(&r, &tiny, d->t, d->c, NULL);
    if (status != BH_OK) {
        assert_null(r);
        return status;
    }
    memset(m, 1, sizeof m);
    memset(c, 1, sizeof c);
    status = bh_ferret_receive(r, &out, message);
    if (status != BH_OK) {
        assert_true(test_is_zero(m, n * sizeof *m) && test_is_zero(c, n));
        assert_status(bh_ferret_receive(r, &out, message), BH_ERR_STATE);
    }
    bh_ferret_free(r);
    return status;
}

static void test_failures(void **state)
{
    (void)state;
    test_rng rng = test_rng_new("failures");
    dealt d = deal(&tiny, &rng);
    bh_hooks *hooks = bh_hooks_get();
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, run_sender, &d) > 8);
    assert_true(fail_each(&hooks->fail_alloc_at, BH_ERR_NOMEM, run_receiver, &d) > 8);
    assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, run_sender, &d) > 0);
    assert_true(fail_each(&hooks->fail_random_at, BH_ERR_RNG, run_receiver, &d) > 0);
    clear_dealt(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers), cmocka_unit_test(test_set),
        cmocka_unit_test(test_bootstrap), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_same),      cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_sets),      cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
