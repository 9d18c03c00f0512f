// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 ||
           inet_pton(AF_INET6, host, bytes) == 1;
}

static bool port_ok(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    return digits >= 1 && digits <= 5 && port[digits] == '\0' &&
           strtoul(port, NULL, 10) <= 65535;
}

// Splits the text into host [begin, end) and a pointer to the port, NULL where none is.
static bool split(const char *text, const char **begin, const char **end,
                  const char **port)
{
    *port = NULL;
    if (text[0] == '[') {
        *begin = text + 1;
        *end = strchr(text, ']');
        if (*end == NULL || ((*end)[1] != '\0' && (*end)[1] != ':')) {
            return false;
        }
        *port = (*end)[1] == ':' ? *end + 2 : NULL;
        return true;
    }
    const char *colon = strchr(text, ':');
    *begin = text;
    *end = colon != NULL ? colon : text + strlen(text);
    *port = colon != NULL ? colon + 1 : NULL;
    // A second colon: an IPv6 address without brackets could mean two things.
    return colon == NULL || strchr(colon + 1, ':') == NULL;
}

bh_status bh_address_parse(bh_address *out, const char *text, uint16_t default_port,
                           bh_error *err)
{
    const char *begin, *end, *port;
    memset(out, 0, sizeof *out);
    if (!split(text, &begin, &end, &port)) {
        return bh_fail(err, BH_ERR_ARG,
                       "\"%.100s\" is no address: write HOST:PORT or [IPV6]:PORT",
                       text);
    }
    // "7443" alone is a port without a host; getaddrinfo would make 0.0.29.19 of it.
    bool only_digits = port == NULL && text[strspn(text, "0123456789")] == '\0';
    if (end == begin || only_digits || (size_t)(end - begin) >= sizeof out->host) {
        return bh_fail(err, BH_ERR_ARG,
                       "the address \"%.100s\" names no host: write HOST:PORT", text);
    }
    if (port != NULL && !port_ok(port)) {
        return bh_fail(err, BH_ERR_ARG,
                       "the port in \"%.100s\" is not a number from 0 to 65535", text);
    }
    memcpy(out->host, begin, (size_t)(end - begin));
    if (port != NULL) {
        memcpy(out->port, port, strlen(port));
    } else {
        snprintf(out->port, sizeof out->port, "%u", (unsigned)default_port);
    }
    out->is_ip = is_numeric(out->host);
    return BH_OK;
}

void bh_address_format(char *text, const char *host, const char *port)
{
    const char *format = strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s";
    snprintf(text, BH_ADDRESS_TEXT_MAX, format, host, port);
}
