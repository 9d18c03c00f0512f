// SPDX-License-Identifier: Apache-2.0
// The payloads (docs/protocol.md): fixed sizes, all but the manifest.
#ifndef BH_PROTOCOL_MESSAGE_H
#define BH_PROTOCOL_MESSAGE_H

#include "infer/plan.h"
#include "protocol/frame.h"

#define BH_MESSAGE_CLIENT_HELLO_BYTES     7
#define BH_MESSAGE_SERVER_HELLO_BYTES_MIN (4 + 2 + 32)
#define BH_MESSAGE_MANIFEST_BYTES_MAX     65536
#define BH_MESSAGE_SAMPLE_HEADER_BYTES    16 // layer, sample, counter or time
#define BH_MESSAGE_PREPARE_HEADER_BYTES   8  // counter or time
#define BH_MESSAGE_FLIGHT_HEADER_BYTES    12 // number, time
#define BH_MESSAGE_ERROR_BYTES            3

typedef enum bh_message_error_code {
    BH_MESSAGE_ERROR_REFUSED = 1, // whatever was wrong: the detail stays at the sender
    BH_MESSAGE_ERROR_VERSION = 2, // the sender does not speak the receiver's version
} bh_message_error_code;

typedef enum bh_role { BH_ROLE_CLIENT, BH_ROLE_SERVER } bh_role;

// Writes magic and version of a hello.
void bh_hello_begin(bh_writer *w, bh_role role);
// Reads them: BH_ERR_PEER if the magic is not the role's; *version is the peer's.
bh_status bh_hello_read(bh_reader *r, bh_role role, uint16_t *version) BH_MUST_CHECK;

void bh_message_write_error(bh_writer *w, bh_message_error_code code);

// SHA-256 of the nonce and both hello payloads: what every uniform part depends on
// (R8). It binds version, roles (by the magics), the guard wanted, and
// through the manifest guard, S, parameter set and plan.
bh_status bh_transcript(uint8_t out[32], const uint8_t nonce[32],
                        const uint8_t *client_hello, const uint8_t *server_hello,
                        size_t server_hello_len) BH_MUST_CHECK;

// Payload sizes that follow from the plan; of an upload and an answer: one sample's.
uint32_t bh_message_key_bytes(const bh_plan *plan);
uint32_t bh_message_upload_bytes(const bh_plan *plan, uint32_t layer);
uint32_t bh_message_answer_bytes(const bh_plan *plan, uint32_t layer);
// Under `sealed`.
uint32_t bh_message_setup_bytes(const bh_plan *plan, unsigned step);
// transfers: bytes of the supplier, which this party has.
uint32_t bh_message_prepare_bytes(const bh_plan *plan, size_t transfers);
uint32_t bh_message_prepared_bytes(const bh_plan *plan, size_t transfers);
uint32_t bh_message_flight_bytes(const bh_plan *plan, uint32_t flight);

#endif
