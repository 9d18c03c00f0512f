// SPDX-License-Identifier: Apache-2.0
// Switches that only the test build has. In a release build every hook is the
// constant 0, the compiler drops the code behind it, and no symbol remains
// (tests/unit/test_release.sh looks).
#ifndef BH_BASE_HOOKS_H
#define BH_BASE_HOOKS_H

#ifdef BH_TEST_HOOKS

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One record per thread, all zero at start: everything on and unobserved.
typedef struct bh_hooks {
    // The n-th allocation / randomness call from now fails once (1 = the next one);
    // 0 is off. The counters count calls whether or not one is to fail.
    size_t fail_alloc_at, alloc_count;
    size_t fail_random_at, random_count;
    size_t live_blocks; // allocated and not yet freed by this thread

    bool no_flooding;    // R1 off: no f on c0
    bool no_rerandomise; // R2 off: no encryption of zero is added
    bool fixed_seed_on;  // INSECURE: seeds come from `fixed_seed`, not from the OS
    uint64_t fixed_seed; // advanced by every draw

    uint64_t answers_before; // that this session's key is said to have served already

    // Called with an answer after R1, R2 and R3 and before R4: the kept coefficients
    // of c0 and all of c1, each prime after the other at the ring's stride.
    void (*on_answer)(void *user, const uint64_t *c0, const uint64_t *c1);
    // Called with the 32-byte seed of every query at the server.
    void (*on_query)(void *user, const uint8_t *seed);
    // Called with every set of drawn weights of one linear layer.
    void (*on_weights)(void *user, uint32_t layer, uint32_t sample,
                       const int32_t *weights, size_t n_weights, const int32_t *bias,
                       size_t n_bias);
    // Called at the client with every decrypted output tensor of a linear layer.
    void (*on_output)(void *user, uint32_t layer, uint32_t sample,
                      const int64_t *values, size_t len);
    // Called with a party's shares under guard `sealed`: stage 0, of a linear layer's
    // result; 1, of what is truncated; 2, of what that gives.
    void (*on_shares)(void *user, bool is_client, uint32_t layer, int stage,
                      const uint32_t *shares, size_t len);
    // Called with every block that is about to be freed, after it was wiped.
    void (*on_free)(void *user, const uint8_t *data, size_t len);
    void *user;
} bh_hooks;

bh_hooks *bh_hooks_get(void);

#define BH_HOOK(field) (bh_hooks_get()->field)
#define BH_HOOK_CALL(fn, ...)                                                          \
    do {                                                                               \
        bh_hooks *hooks_ = bh_hooks_get();                                             \
        if (hooks_->fn != NULL) {                                                      \
            hooks_->fn(hooks_->user, __VA_ARGS__);                                     \
        }                                                                              \
    } while (0)

#else

#define BH_HOOK(field)        0
#define BH_HOOK_CALL(fn, ...) ((void)0)

#endif
#endif
