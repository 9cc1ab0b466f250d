import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function PipelinePage() {
  return (
    <Page title="Pipeline">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
