import "../style/main.css";
import { render } from "preact";
import { keysStart } from "./lib/keys";
import { meLoad } from "./lib/me";
import { routerStart } from "./lib/router";
import { themeApply } from "./lib/theme";
import { liveStart } from "./live/store";
import { Shell } from "./parts/shell";

themeApply();
routerStart();
keysStart();
render(<Shell />, document.getElementById("app")!);
liveStart();
void meLoad();
