// SPDX-License-Identifier: Apache-2.0
// One prediction, for people and for machines.
#ifndef BH_CLI_RESULT_H
#define BH_CLI_RESULT_H

#include "net/tls.h"
#include "picture.h"

typedef struct shown_result {
    const char *file;
    const bh_client *client; // for the facts and the names of classes
    bh_client_result r;
    double total_ms;
    bool ahead; // it was prepared before it was asked: not within total_ms
} shown_result;

// Asks the server for one image and takes the time.
bh_status result_query(shown_result *out, bh_tls_client *connection, const char *file,
                       const uint8_t *pixels, bh_error *err);

// A line of JSON on stdout.
void result_print_json(const shown_result *result);
// Whether that is all that the server reveals.
bool result_is_label_alone(const bh_client_facts *facts);
// Bars, label, uncertainty, cost, or label and cost; with a picture at the left unless
// it is NULL, and a remark at the end of the headline unless that is "".
void result_print(const shown_result *result, const ui *u, const picture *left,
                  const char *remark);

// "guard sampled: ..." and the facts of a server in one line.
void result_print_guard(const bh_client_facts *facts, const ui *u);

#endif
