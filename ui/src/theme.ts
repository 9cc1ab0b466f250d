// Runs before anything is drawn, so that no page shows first in a theme that wasn't chosen. It is a file of its own
// because the content policy lets no script stand in the page itself; the login has it too.
import { stored } from "./lib/stored";

const chosen = stored("theme", ["system", "light", "dark"], "system");
if (chosen !== "system") document.documentElement.dataset["theme"] = chosen;
