// SPDX-License-Identifier: Apache-2.0
// A conversation between two engines, frame by frame: it can be stopped in front of any
// frame, and what goes on from there be anything. And a small model for guard `sealed`.
#ifndef BH_TESTS_SUPPORT_FRAMES_H
#define BH_TESTS_SUPPORT_FRAMES_H

#include <stdbool.h>

#include "model/model.h"
#include "protocol/message.h"
#include "support/session.h"
#include "support/test.h"

typedef struct frame {
    bool from_client;
    bh_frame_type type;
    uint8_t *bytes; // owned, by malloc; header included; NULL: there is none
    size_t len;
} frame;

void frame_clear(frame *f); // {0} is cleared

// The next frame that an engine has to send, taken from its output.
frame frames_take(session *s, bool from_client);
// Hands a frame, or any bytes, to the other side, which does all that is due then.
bh_status frames_give(session *s, bool to_server, const uint8_t *bytes, size_t len,
                      bh_error *err);
// The next frame of the conversation, of either side, the client's first; begins a
// query with `pixels` each time that the client is ready and both are silent, as long
// as *queries, which it counts down, is not zero.
frame frames_next(session *s, const uint8_t *pixels, uint32_t *queries);
// Goes on honestly up to frame number n of one side, from 0, of the session, and
// returns it; none if the conversation ends before it, after `queries`.
frame frames_until(session *s, bool from_client, size_t n, const uint8_t *pixels,
                   uint32_t queries);

#endif
