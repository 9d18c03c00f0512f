// SPDX-License-Identifier: Apache-2.0
#include "infer/scratch.h"

#include "base/memory.h"

static bh_status init_client(bh_client_scratch *mine, const bh_he *he)
{
    size_t n = bh_he_degree(he);
    mine->poly = bh_alloc(n, sizeof *mine->poly);
    mine->places = bh_alloc(n, sizeof *mine->places);
    return mine->poly != NULL && mine->places != NULL
               ? bh_workspace_new(&mine->work, he)
               : BH_ERR_NOMEM;
}

bh_status bh_client_scratch_new(bh_client_scratch **out, const bh_he *he,
                                uint32_t threads)
{
    bh_client_scratch *s = bh_alloc(threads, sizeof *s);
    bh_status status = s != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < threads && status == BH_OK; i++) {
        status = init_client(&s[i], he);
    }
    if (status != BH_OK) {
        bh_client_scratch_free(s, threads);
        s = NULL;
    }
    *out = s;
    return status;
}

void bh_client_scratch_free(bh_client_scratch *s, uint32_t threads)
{
    for (uint32_t i = 0; s != NULL && i < threads; i++) {
        bh_workspace_free(s[i].work);
        bh_free(s[i].poly);
        bh_free(s[i].places);
    }
    bh_free(s);
}

bh_status bh_client_encrypt(void *upload, size_t i, uint32_t worker)
{
    const bh_client_upload *u = upload;
    const bh_plan_layer *l = &u->plan->layers[u->layer];
    bh_client_scratch *mine = &u->scratch[worker];
    bh_linear_pack_input(&l->linear, mine->poly, u->x, (uint32_t)i);
    return bh_encrypt(u->sk, u->out + i * bh_he_poly_bytes(u->plan->he), mine->work,
                      u->counter + i, mine->poly, l->t_bits);
}

static bh_status init_server(bh_server_scratch *mine, const bh_he *he)
{
    size_t n = bh_he_degree(he);
    mine->spread = bh_alloc(n, sizeof *mine->spread);
    mine->places = bh_alloc(n, sizeof *mine->places);
    mine->share = bh_alloc(n, sizeof *mine->share);
    mine->wide = bh_alloc(n, sizeof *mine->wide);
    return mine->spread != NULL && mine->places != NULL && mine->share != NULL &&
                   mine->wide != NULL
               ? bh_maker_init(&mine->maker, he)
               : BH_ERR_NOMEM;
}

bh_status bh_server_scratch_new(bh_server_scratch **out, const bh_he *he,
                                uint32_t threads)
{
    bh_server_scratch *s = bh_alloc(threads, sizeof *s);
    bh_status status = s != NULL ? BH_OK : BH_ERR_NOMEM;
    for (uint32_t i = 0; i < threads && status == BH_OK; i++) {
        status = init_server(&s[i], he);
    }
    if (status != BH_OK) {
        bh_server_scratch_free(s, threads);
        s = NULL;
    }
    *out = s;
    return status;
}

void bh_server_scratch_free(bh_server_scratch *s, uint32_t threads)
{
    for (uint32_t i = 0; s != NULL && i < threads; i++) {
        bh_maker_clear(&s[i].maker);
        bh_free(s[i].spread);
        bh_free(s[i].share);
        bh_free(s[i].wide);
        bh_free(s[i].places);
    }
    bh_free(s);
}
