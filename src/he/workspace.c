// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "he/internal.h"

bh_status bh_workspace_new(bh_workspace **out, const bh_he *he)
{
    *out = NULL;
    bh_workspace *w = bh_alloc(1, sizeof *w);
    if (w == NULL) {
        return BH_ERR_NOMEM;
    }
    w->he = he;
    w->acc0 = bh_poly_new(&he->ring);
    w->acc1 = bh_poly_new(&he->ring);
    w->kept = bh_poly_new(&he->ring);
    w->small = bh_alloc(he->ring.n, sizeof *w->small);
    w->encoded = bh_alloc(he->ring.n, sizeof *w->encoded);
    bool ok = w->acc0 != NULL && w->acc1 != NULL && w->kept != NULL &&
              w->small != NULL && w->encoded != NULL;
    for (size_t k = 0; k < BH_TERMS_MAX && ok; k++) {
        w->factors[k] = bh_alloc(he->ring.n, sizeof *w->factors[k]);
        ok = w->factors[k] != NULL;
    }
    for (size_t k = 0; k < BH_GROUP_MAX && ok; k++) {
        w->weights[k] = bh_alloc(he->ring.n, sizeof *w->weights[k]);
        ok = w->weights[k] != NULL;
    }
    bh_status status = ok ? bh_zero_new(&w->zero, he) : BH_ERR_NOMEM;
    if (status == BH_OK) {
        status = bh_stream_new(&w->stream);
    }
    if (status != BH_OK) {
        bh_workspace_free(w);
        return status;
    }
    *out = w;
    return BH_OK;
}

void bh_workspace_free(bh_workspace *w)
{
    if (w == NULL) {
        return;
    }
    for (size_t k = 0; k < BH_TERMS_MAX; k++) {
        bh_free(w->factors[k]);
    }
    for (size_t k = 0; k < BH_GROUP_MAX; k++) {
        bh_free(w->weights[k]);
    }
    bh_free(w->acc0);
    bh_free(w->acc1);
    bh_free(w->kept);
    bh_free(w->small);
    bh_free(w->encoded);
    bh_zero_free(w->zero);
    bh_stream_free(w->stream);
    bh_free(w);
}
