// SPDX-License-Identifier: Apache-2.0
// "HOST:PORT" as people type it.
#ifndef BH_NET_ADDRESS_H
#define BH_NET_ADDRESS_H

#include <stdbool.h>

#include "bayhenn/bayhenn.h"

typedef struct bh_address {
    char host[256]; // without brackets; "" where none was given
    char port[6];   // decimal, 0 .. 65535
    bool is_ip;     // the host is a numeric IPv4 or IPv6 address
} bh_address;

#define BH_ADDRESS_TEXT_MAX 272

// Reads "HOST:PORT", "HOST", "[IPV6]:PORT" or "[IPV6]"; a missing port is default_port.
// BH_ERR_ARG with a sentence that quotes the text.
bh_status bh_address_parse(bh_address *out, const char *text, uint16_t default_port,
                           bh_error *err) BH_MUST_CHECK;

// "HOST:PORT", IPv6 in brackets; text has room for BH_ADDRESS_TEXT_MAX bytes.
void bh_address_format(char *text, const char *host, const char *port);

#endif
