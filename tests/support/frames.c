// SPDX-License-Identifier: Apache-2.0
#include "support/frames.h"

#include <string.h>

#include "base/memory.h"

void frame_clear(frame *f)
{
    free(f->bytes);
    *f = (frame){0};
}

frame frames_take(session *s, bool from_client)
{
    size_t len;
    const uint8_t *data = from_client ? bh_client_output(s->client, &len)
                                      : bh_server_output(s->server, &len);
    if (len == 0) {
        return (frame){0};
    }
    assert_true(len >= BH_FRAME_HEADER_BYTES);
    bh_reader r = bh_reader_over(data, len);
    size_t whole = BH_FRAME_HEADER_BYTES + (size_t)bh_reader_u32(&r);
    assert_true(whole <= len);
    frame f = {from_client, (bh_frame_type)data[4], malloc(whole), whole};
    assert_non_null(f.bytes);
    memcpy(f.bytes, data, whole);
    if (from_client) {
        bh_client_sent(s->client, whole);
    } else {
        bh_server_sent(s->server, whole);
    }
    return f;
}

bh_status frames_give(session *s, bool to_server, const uint8_t *bytes, size_t len,
                      bh_error *err)
{
    return to_server ? session_serve(s, bytes, len, err)
                     : bh_client_feed(s->client, bytes, len, err);
}

frame frames_next(session *s, const uint8_t *pixels, uint32_t *queries)
{
    for (;;) {
        frame f = frames_take(s, true);
        if (f.bytes == NULL) {
            f = frames_take(s, false);
        }
        bool ready = bh_client_get_state(s->client) == BH_CLIENT_READY;
        if (f.bytes != NULL || *queries == 0 || !ready) {
            return f;
        }
        --*queries;
        assert_ok(bh_client_query(s->client, pixels, NULL));
    }
}

frame frames_until(session *s, bool from_client, size_t n, const uint8_t *pixels,
                   uint32_t queries)
{
    for (;;) {
        frame f = frames_next(s, pixels, &queries);
        if (f.bytes == NULL || (f.from_client == from_client && n-- == 0)) {
            return f;
        }
        assert_ok(frames_give(s, f.from_client, f.bytes, f.len, NULL));
        frame_clear(&f);
    }
}
