// SPDX-License-Identifier: Apache-2.0
#include "mpc/rot.h"

#include "base/memory.h"

bh_status bh_rot_supply_init_sender(bh_rot_supply *s, size_t n)
{
    *s = (bh_rot_supply){.n = n};
    s->m0 = bh_alloc(n, sizeof *s->m0);
    s->m1 = bh_alloc(n, sizeof *s->m1);
    return s->m0 != NULL && s->m1 != NULL ? BH_OK : BH_ERR_NOMEM;
}

bh_status bh_rot_supply_init_receiver(bh_rot_supply *s, size_t n)
{
    *s = (bh_rot_supply){.n = n};
    s->m = bh_alloc(n, sizeof *s->m);
    s->c = bh_alloc(n, sizeof *s->c);
    return s->m != NULL && s->c != NULL ? BH_OK : BH_ERR_NOMEM;
}

void bh_rot_supply_wipe(bh_rot_supply *s)
{
    if (s->m0 != NULL) {
        bh_wipe(s->m0, s->n * sizeof *s->m0);
        bh_wipe(s->m1, s->n * sizeof *s->m1);
    } else if (s->m != NULL) {
        bh_wipe(s->m, s->n * sizeof *s->m);
        bh_wipe(s->c, s->n * sizeof *s->c);
    }
    s->taken = 0;
}

void bh_rot_supply_clear(bh_rot_supply *s)
{
    bh_free(s->m0);
    bh_free(s->m1);
    bh_free(s->m);
    bh_free(s->c);
    *s = (bh_rot_supply){0};
}

bh_rot_sent bh_rot_take_sent(bh_rot_supply *s, size_t n)
{
    bh_rot_sent taken = {s->m0 + s->taken, s->m1 + s->taken};
    s->taken += n;
    return taken;
}

bh_rot_received bh_rot_take_received(bh_rot_supply *s, size_t n)
{
    bh_rot_received taken = {s->m + s->taken, s->c + s->taken};
    s->taken += n;
    return taken;
}
