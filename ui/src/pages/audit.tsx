import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function AuditPage() {
  return (
    <Page title="Audit">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
