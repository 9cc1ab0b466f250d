/* GET /healthz, which tells strangers one word, and GET /api/v1/health, which says why. */
#include "scheduler/daemon/health/health.h"
#include "scheduler/daemon/pages/page.h"

void page_healthz_finish(struct page *p, const struct queries_options *o) {
  bool well = !health_degraded(o->health)->err;
  p->status = well ? 200 : 503;
  jsonw_object(&p->json);
  jsonw_member_bool(&p->json, "ok", well);
  if (!well) jsonw_member_string(&p->json, "status", "degraded");
  jsonw_object_end(&p->json);
}

void page_health_finish(struct page *p, const struct queries_options *o) {
  jsonw_object(&p->json);
  health_json(o->health, &p->json);
  jsonw_object_end(&p->json);
}
