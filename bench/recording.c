// SPDX-License-Identifier: Apache-2.0
#include "recording.h"

#include "base/error.h"
#include "turns.h"

static void on_upload(void *user, const uint8_t *data, size_t len)
{
    recording *r = user;
    bh_writer_bytes(&r->bytes, data, len);
    if (r->n_messages < RECORDING_MESSAGES_MAX) {
        r->ends[r->n_messages++] = r->bytes.len;
    } else {
        r->bytes.status = BH_ERR_TOO_LARGE;
    }
}

bh_status recording_make(recording *r, const bh_service *service, const uint8_t *pixels,
                         uint32_t queries, bh_error *err)
{
    turns t = {.on_upload = on_upload, .user = r};
    bh_client_result result;
    bh_status status = turns_open(&t, service, NULL, err);
    while (status == BH_OK && r->queries < queries) {
        status = turns_query(&t, &result, pixels, err);
        r->queries += status == BH_OK;
    }
    turns_close(&t);
    return status == BH_OK && r->bytes.status != BH_OK
               ? bh_fail_plain(err, r->bytes.status)
               : status;
}

void recording_clear(recording *r)
{
    bh_writer_clear(&r->bytes);
    *r = (recording){0};
}

bh_status recording_play(const recording *r, const bh_service *service, bh_error *err)
{
    bh_server *server = NULL;
    bh_status status = bh_server_new(&server, service);
    if (status != BH_OK) {
        return bh_fail_plain(err, status);
    }
    for (size_t i = 0, at = 0; i < r->n_messages && status == BH_OK; i++) {
        size_t len;
        status = turns_serve(server, r->bytes.data + at, r->ends[i] - at, err);
        at = r->ends[i];
        (void)bh_server_output(server, &len);
        bh_server_sent(server, len);
    }
    if (status == BH_OK && bh_server_queries(server) != r->queries) {
        status = bh_fail(err, BH_ERR_STATE, "the server did not answer every query");
    }
    bh_server_free(server);
    return status;
}
