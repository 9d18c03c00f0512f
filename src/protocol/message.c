// SPDX-License-Identifier: Apache-2.0
#include "protocol/message.h"

#include <string.h>

#include "base/random.h"
#include "infer/sealed.h"

static const char *magic_of(bh_role role)
{
    return role == BH_ROLE_CLIENT ? "BHNC" : "BHNS";
}

void bh_hello_begin(bh_writer *w, bh_role role)
{
    bh_writer_bytes(w, magic_of(role), 4);
    bh_writer_u16(w, BH_WIRE_VERSION);
}

bh_status bh_hello_read(bh_reader *r, bh_role role, uint16_t *version)
{
    const uint8_t *magic = bh_reader_bytes(r, 4);
    *version = bh_reader_u16(r);
    return magic != NULL && memcmp(magic, magic_of(role), 4) == 0 ? BH_OK : BH_ERR_PEER;
}

void bh_message_write_error(bh_writer *w, bh_message_error_code code)
{
    bh_frame_begin(w, BH_FRAME_ERROR, BH_MESSAGE_ERROR_BYTES);
    bh_writer_u8(w, (uint8_t)code);
    bh_writer_u16(w, BH_WIRE_VERSION);
}

bh_status bh_transcript(uint8_t out[32], const uint8_t nonce[32],
                        const uint8_t *client_hello, const uint8_t *server_hello,
                        size_t server_hello_len)
{
    // nonce and client hello have fixed lengths: the concatenation is unambiguous.
    uint8_t front[32 + BH_MESSAGE_CLIENT_HELLO_BYTES];
    memcpy(front, nonce, 32);
    memcpy(front + 32, client_hello, BH_MESSAGE_CLIENT_HELLO_BYTES);
    return bh_hash(out, front, sizeof front, server_hello, server_hello_len);
}

uint32_t bh_message_key_bytes(const bh_plan *plan)
{
    return (uint32_t)(BH_SEED_BYTES + bh_he_poly_bytes(plan->he));
}

// A plan's messages are below BH_PLAN_MESSAGE_MAX: 32 bits suffice.
uint32_t bh_message_upload_bytes(const bh_plan *plan, uint32_t layer)
{
    return (uint32_t)(BH_MESSAGE_SAMPLE_HEADER_BYTES +
                      bh_plan_upload_bytes(plan, layer));
}

uint32_t bh_message_answer_bytes(const bh_plan *plan, uint32_t layer)
{
    return (uint32_t)(BH_MESSAGE_SAMPLE_HEADER_BYTES +
                      bh_plan_answer_bytes(plan, layer));
}

uint32_t bh_message_setup_bytes(const bh_plan *plan, unsigned step)
{
    return (uint32_t)bh_supplier_setup_bytes(plan->supplier, plan->script->transfers,
                                             step);
}

uint32_t bh_message_prepare_bytes(const bh_plan *plan, size_t transfers)
{
    return (uint32_t)(BH_MESSAGE_PREPARE_HEADER_BYTES + bh_plan_sum(plan).bytes_up +
                      transfers);
}

uint32_t bh_message_prepared_bytes(const bh_plan *plan, size_t transfers)
{
    return (uint32_t)(BH_MESSAGE_PREPARE_HEADER_BYTES + bh_plan_sum(plan).bytes_down +
                      transfers);
}

uint32_t bh_message_flight_bytes(const bh_plan *plan, uint32_t flight)
{
    return (uint32_t)(BH_MESSAGE_FLIGHT_HEADER_BYTES +
                      plan->script->flight_bytes[flight]);
}
