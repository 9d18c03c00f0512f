// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bayes/tape.h"
#include "net/clock.h"
#include "output.h"
#include "train/train_data.h"
#include "train/train_place.h"
#include "train/train_progress.h"

static volatile sig_atomic_t stopped_by; // a signal, or 0

static void on_signal(int number)
{
    // The second time the program ends as it would have the first time.
    signal(number, SIG_DFL);
    stopped_by = number;
}

static bool should_stop(void *user)
{
    (void)user;
    return stopped_by != 0;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bh_status train(const train_request *r, const train_data *d, bh_model *model,
                       const char *checkpoint, bh_error *err)
{
    train_watcher w = {.json = r->json, .u = ui_make()};
    bh_train_options options = r->train;
    bh_pool *pool = NULL;
    bh_status status = cli_pool(&pool, r->threads, err);
    options.pool = pool;
    options.augment = d->augment;
    options.init = d->init;
    options.validation = d->validation.count > 0 ? &d->validation : NULL;
    options.checkpoint = checkpoint;
    options.on_progress = train_on_progress;
    options.should_stop = should_stop;
    options.user = &w;
    catch_signals();
    status = status == BH_OK ? bh_train(model, &d->train, &options, err) : status;
    ui_progress_end(&w.u);
    bh_pool_free(pool);
    return status;
}

static int finish(const train_request *r, const train_data *d, const bh_model *model,
                  const char *checkpoint, uint64_t start)
{
    bh_error err = {0};
    char took[UI_TEXT_BYTES], shown[CLI_SHOWN_BYTES];
    if (bh_model_save(model, r->out, &err) != BH_OK) {
        return cli_fail_with(train_name, &err);
    }
    unlink(checkpoint);
    fprintf(r->json ? stderr : stdout,
            "%s: %s on %s, %zu training examples, trained in %s\n",
            cli_shown(shown, sizeof shown, r->out), d->graph.name, d->graph.dataset,
            d->train.count, ui_time(took, (double)(bh_clock_us() - start) / 1e3));
    return CLI_OK;
}

// The model has two numbers for each parameter of a member; a checkpoint has these and
// eight more of the member in training, and is there twice while it is replaced.
static int check_room(const train_request *r, const train_data *d,
                      const char *checkpoint)
{
    const uint64_t params = bh_graph_params_len(&d->graph) * sizeof(float);
    const uint64_t model = 2 * params * r->train.members;
    int status = train_place_check_room(r->out, model);
    return status == CLI_OK
               ? train_place_check_room(checkpoint, 2 * (model + 8 * params))
               : status;
}

static int run_with(const train_request *r, const train_data *d, const char *checkpoint)
{
    bh_error err = {0};
    bh_model *model = NULL;
    const uint64_t start = bh_clock_us();
    int status = check_room(r, d, checkpoint);
    if (status != CLI_OK) {
        return status;
    }
    if (bh_model_new(&model, &d->graph, r->train.members) != BH_OK) {
        return cli_fail(train_name, "out of memory");
    }
    model->cut = (bh_model_cut){.stated = true,
                                .folds = r->cut.folds,
                                .fold = r->cut.fold,
                                .validation = r->cut.validation,
                                .seed = r->cut.seed};
    bh_status done = train(r, d, model, checkpoint, &err);
    if (done == BH_OK) {
        status = finish(r, d, model, checkpoint, start);
    } else if (done == BH_WANT_MORE) {
        status = cli_fail(train_name,
                          "stopped; the same command with --resume goes on from %s",
                          checkpoint);
    } else {
        // A run that diverged is not gone on with: other options will be tried.
        if (done == BH_ERR_RANGE) {
            unlink(checkpoint);
        }
        status = cli_fail_with(train_name, &err);
    }
    bh_model_free(model);
    return status;
}

static int run(const train_request *r, const char *checkpoint)
{
    bh_error err = {0};
    train_data *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return cli_fail(train_name, "out of memory");
    }
    int status = train_data_load(d, r, &err) == BH_OK ? run_with(r, d, checkpoint)
                                                      : cli_fail_with(train_name, &err);
    train_data_free(d);
    return status;
}

// Before anything is read: hours of work are to be lost to neither a full disk nor
// another run's checkpoint.
static int check_places(const train_request *r, const char *checkpoint)
{
    int status = output_check(train_name, r->out, OUTPUT_MODEL);
    if (status == CLI_OK) {
        status = output_check(train_name, checkpoint, OUTPUT_CHECKPOINT);
    }
    if (status != CLI_OK) {
        return status;
    }
    const bool exists = access(checkpoint, F_OK) == 0;
    if (r->train.resume && !exists) {
        return cli_fail(train_name, "there is no checkpoint %s to go on from",
                        checkpoint);
    }
    return exists && !r->train.resume
               ? cli_fail(train_name,
                          "%s is there, of a run that was stopped: go on from it by "
                          "--resume, or delete it",
                          checkpoint)
               : CLI_OK;
}

int cmd_train(int argc, char **argv)
{
    train_request r;
    char *beside = NULL;
    int status = train_request_parse(&r, argc, argv);
    if (status != CLI_GO_ON) {
        return status;
    }
    if (r.checkpoint == NULL && asprintf(&beside, "%s.checkpoint", r.out) < 0) {
        return cli_fail(train_name, "out of memory");
    }
    const char *checkpoint = r.checkpoint != NULL ? r.checkpoint : beside;
    status = check_places(&r, checkpoint);
    status = status == CLI_OK ? run(&r, checkpoint) : status;
    free(beside);
    if (status == CLI_FAILURE && stopped_by != 0) {
        // So that a shell's loop around this ends, too.
        signal(stopped_by, SIG_DFL);
        raise(stopped_by);
    }
    return status;
}
