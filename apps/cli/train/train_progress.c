// SPDX-License-Identifier: Apache-2.0
#include "train/train_progress.h"

#include <jansson.h>
#include <stdio.h>

static void print_json(const bh_train_progress *p)
{
    json_t *line =
        json_pack("{s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f}", "epoch", (int)p->epoch,
                  "epochs", (int)p->epochs, "member", (int)p->member, "phase",
                  p->bayesian ? "bayes" : "ordinary", "loss", p->loss, "accuracy",
                  p->accuracy, "rate", p->rate, "seconds", p->seconds);
    if (p->bayesian) {
        json_object_set_new(line, "kl", json_real(p->kl));
    }
    if (p->validated) {
        json_object_set_new(line, "val_loss", json_real(p->val_loss));
        json_object_set_new(line, "val_accuracy", json_real(p->val_accuracy));
    }
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(8));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

void train_on_progress(void *user, const bh_train_progress *p)
{
    const train_watcher *w = user;
    char label[64], note[128];
    snprintf(label, sizeof label, "epoch %u of %u", p->epoch, p->epochs);
    if (p->members > 1) {
        snprintf(label, sizeof label, "network %u of %u, epoch %u of %u", p->member,
                 p->members, p->epoch, p->epochs);
    }
    snprintf(note, sizeof note,
             p->loss < 1e4 ? "loss %.4f  accuracy %.2f %%"
                           : "loss %.2e  accuracy %.2f %%",
             p->loss, 100 * p->accuracy);
    if (!p->epoch_done) {
        ui_progress(&w->u, label, (double)p->step / (double)p->steps, p->seconds_left,
                    note);
        return;
    }
    ui_progress_end(&w->u);
    if (w->json) {
        print_json(p);
        return;
    }
    fprintf(stderr, "%s  %s", label, note);
    if (p->validated) {
        fprintf(stderr, "  validation %.4f  %.2f %%", p->val_loss,
                100 * p->val_accuracy);
    }
    fputc('\n', stderr);
}
