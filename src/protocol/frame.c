// SPDX-License-Identifier: Apache-2.0
#include "protocol/frame.h"

#include <string.h>

#include "base/memory.h"

static size_t take(uint8_t *out, size_t have, size_t wanted, const uint8_t *in,
                   size_t len)
{
    size_t n = wanted - have < len ? wanted - have : len;
    if (n > 0) {
        memcpy(out + have, in, n);
    }
    return n;
}

// The header is complete: checks it against the rules, then takes memory.
static bh_status open_payload(bh_frame_reader *f)
{
    bh_reader r = bh_reader_over(f->header, sizeof f->header);
    uint32_t len = bh_reader_u32(&r);
    uint8_t type = bh_reader_u8(&r);
    for (size_t i = 0; i < BH_FRAME_RULES_MAX; i++) {
        const bh_frame_rule *rule = &f->rules[i];
        if (rule->type == 0 || rule->type != type) {
            continue;
        }
        if (len < rule->len_min || len > rule->len_max) {
            return len > rule->len_max ? BH_ERR_TOO_LARGE : BH_ERR_ENCODING;
        }
        f->type = type;
        f->len = len;
        f->payload = bh_alloc(len, 1);
        return f->payload != NULL ? BH_OK : BH_ERR_NOMEM;
    }
    return BH_ERR_PEER;
}

bh_status bh_frame_feed(bh_frame_reader *f, const uint8_t *in, size_t len,
                        size_t *consumed)
{
    *consumed = 0;
    if (f->payload == NULL) {
        size_t n = take(f->header, f->header_len, sizeof f->header, in, len);
        f->header_len += n;
        *consumed = n;
        if (f->header_len < sizeof f->header) {
            return BH_WANT_MORE;
        }
        bh_status status = open_payload(f);
        if (status != BH_OK) {
            return status;
        }
    }
    size_t n = take(f->payload, f->received, f->len, in + *consumed, len - *consumed);
    f->received += n;
    *consumed += n;
    return f->received == f->len ? BH_OK : BH_WANT_MORE;
}

void bh_frame_reset(bh_frame_reader *f)
{
    bh_free(f->payload);
    *f = (bh_frame_reader){0};
}

uint8_t *bh_frame_take(bh_frame_reader *f)
{
    uint8_t *payload = f->payload;
    *f = (bh_frame_reader){0};
    return payload;
}

const uint8_t *bh_outbox_get(const bh_outbox *b, size_t *len)
{
    *len = bh_outbox_waiting(b);
    return b->writer.data == NULL ? NULL : b->writer.data + b->sent;
}

size_t bh_outbox_waiting(const bh_outbox *b)
{
    return b->writer.len - b->sent;
}

void bh_outbox_sent(bh_outbox *b, size_t len)
{
    b->sent += len;
    size_t waiting = bh_outbox_waiting(b);
    if (b->sent < waiting) {
        return;
    }
    // Moving waits until it moves no more bytes than were sent: no byte moves twice
    // without as many having gone.
    if (waiting > 0) {
        memmove(b->writer.data, b->writer.data + b->sent, waiting);
    }
    bh_writer_reset(&b->writer);
    b->writer.len = waiting;
    b->sent = 0;
}

void bh_frame_begin(bh_writer *w, bh_frame_type type, uint32_t len)
{
    bh_writer_u32(w, len);
    bh_writer_u8(w, (uint8_t)type);
}
