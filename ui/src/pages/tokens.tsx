import { Page } from "../parts/page";
import { Empty } from "../parts/notice";

export default function TokensPage() {
  return (
    <Page title="Tokens">
      <Empty title="Nothing is shown here yet." />
    </Page>
  );
}
