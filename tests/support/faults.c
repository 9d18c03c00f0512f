// SPDX-License-Identifier: Apache-2.0
#include "support/faults.h"

#include "base/hooks.h"
#include "support/test.h"

size_t fail_each(size_t *countdown, bh_status expected, bh_status (*run)(void *arg),
                 void *arg)
{
    const size_t live = bh_hooks_get()->live_blocks;
    for (size_t n = 1;; n++) {
        *countdown = n;
        bh_status status = run(arg);
        if (bh_hooks_get()->live_blocks != live) {
            fail_msg("call %zu: %zu blocks were left", n,
                     bh_hooks_get()->live_blocks - live);
        }
        if (*countdown > 0) { // was never reached
            *countdown = 0;
            assert_ok(status);
            printf("%zu calls failed in turn\n", n - 1);
            return n - 1;
        }
        if (status != expected) {
            fail_msg("call %zu: %s, expected %s", n, bh_status_name(status),
                     bh_status_name(expected));
        }
    }
}

void frees_look(void *user, const uint8_t *data, size_t len)
{
    frees *f = user;
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any |= data[i];
    }
    f->blocks++;
    f->dirty += any != 0;
}
