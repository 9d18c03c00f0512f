// SPDX-License-Identifier: Apache-2.0
// Frames: a 4-byte little-endian payload length, a type byte, the payload. A receiver
// knows which types may come next and how long each may be, and refuses a frame by its
// header, before memory is taken for its payload (R7).
#ifndef BH_PROTOCOL_FRAME_H
#define BH_PROTOCOL_FRAME_H

#include "base/bytes.h"

#define BH_FRAME_HEADER_BYTES 5

typedef enum bh_frame_type {
    BH_FRAME_CLIENT_HELLO = 1,
    BH_FRAME_SERVER_HELLO = 2,
    BH_FRAME_CLIENT_KEY = 3,
    BH_FRAME_UPLOAD = 4,
    BH_FRAME_ANSWER = 5,
    BH_FRAME_ERROR = 6,
    BH_FRAME_SETUP = 7, // these four under guard `sealed`
    BH_FRAME_PREPARE = 8,
    BH_FRAME_PREPARED = 9,
    BH_FRAME_FLIGHT = 10,
} bh_frame_type;

// A frame that may come next.
typedef struct bh_frame_rule {
    bh_frame_type type;
    uint32_t len_min, len_max;
} bh_frame_rule;

#define BH_FRAME_RULES_MAX 2

// Collects one frame. {0} is empty; set the rules before the first byte of a frame.
typedef struct bh_frame_reader {
    bh_frame_rule rules[BH_FRAME_RULES_MAX]; // type 0: unused
    uint8_t header[BH_FRAME_HEADER_BYTES];
    size_t header_len;
    bh_frame_type type; // valid once the header is complete
    uint8_t *payload;   // owned
    size_t len, received;
} bh_frame_reader;

// Takes bytes until a frame is complete: BH_OK, the frame can be read from type,
// payload and len; BH_WANT_MORE, all bytes were taken. Errors: BH_ERR_PEER for a type
// that may not come, BH_ERR_TOO_LARGE or BH_ERR_ENCODING for a length out of its rule,
// BH_ERR_NOMEM.
bh_status bh_frame_feed(bh_frame_reader *f, const uint8_t *in, size_t len,
                        size_t *consumed) BH_MUST_CHECK;
// Wipes and frees the payload, and makes the reader ready for the next frame; the rules
// are cleared too.
void bh_frame_reset(bh_frame_reader *f);

// Hands the payload of a complete frame over, to be freed with bh_free, and resets.
uint8_t *bh_frame_take(bh_frame_reader *f);

// Bytes that wait to be sent. {0} is empty.
typedef struct bh_outbox {
    bh_writer writer; // may be appended to at any time
    size_t sent;      // of the writer's bytes
} bh_outbox;

const uint8_t *bh_outbox_get(const bh_outbox *b, size_t *len);
size_t bh_outbox_waiting(const bh_outbox *b);
// len <= what get gave. What was sent never takes more room than what waits.
void bh_outbox_sent(bh_outbox *b, size_t len);

// Starts a frame; the payload of exactly len bytes follows by bh_writer calls.
void bh_frame_begin(bh_writer *w, bh_frame_type type, uint32_t len);

#endif
