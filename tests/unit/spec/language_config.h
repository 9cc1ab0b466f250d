/* The configuration that the tests of the language check against: hosts gpu01, gpu02, group gpus, limit warehouse. */
#ifndef ROTA_TESTS_UNIT_SPEC_LANGUAGE_CONFIG_H
#define ROTA_TESTS_UNIT_SPEC_LANGUAGE_CONFIG_H

#include <string.h>

#include "scheduler/spec/config.h"

static const char language_config_text[] = "slots: {cpu: 8}\n"
                                           "limits: {warehouse: 3}\n"
                                           "host_defaults: {slots: {gpu: 2}}\n"
                                           "hosts:\n"
                                           "  gpu[01-02]: {ssh: \"ml@{name}.example\"}\n"
                                           "groups: {gpus: [gpu01, gpu02]}\n";

static struct config *language_config(void) {
  struct diag_list d;
  diag_init(&d, "rota.yaml", language_config_text, sizeof language_config_text - 1);
  struct config *c = config_read("rota.yaml", language_config_text, sizeof language_config_text - 1, "/srv",
                                 "/home/me", 8, "Europe/Oslo", &d);
  diag_release(&d);
  return c;
}

#endif
