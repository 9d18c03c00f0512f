// SPDX-License-Identifier: Apache-2.0
#include "route.h"

#include "base/error.h"
#include "base/memory.h"
#include "turns.h"

static bh_status query(void *self, bh_client_result *out, route_times *times,
                       const uint8_t *pixels, bh_error *err)
{
    turns *t = self;
    bh_status status = turns_query(t, out, pixels, err);
    *times = (route_times){.total_ns = t->client_ns + t->server_ns,
                           .client_ns = t->client_ns,
                           .server_ns = t->server_ns,
                           .erase_ns = t->erase_ns};
    return status;
}

static void close_route(void *self)
{
    turns_close(self);
    bh_free(self);
}

bh_status route_by_turns(route *out, const bh_service *service, bh_pool *pool,
                         bh_error *err)
{
    turns *t = bh_alloc(1, sizeof *t);
    if (t == NULL) {
        return bh_fail_plain(err, BH_ERR_NOMEM);
    }
    bh_status status = turns_open(t, service, pool, err);
    if (status != BH_OK) {
        close_route(t);
        return status;
    }
    *out = (route){t, query, close_route};
    return BH_OK;
}
