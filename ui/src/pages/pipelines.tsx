import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function PipelinesPage() {
  return (
    <Page title="Pipelines">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
