// Who is logged in. Until it is known nobody may do anything; the daemon decides in any case.
import { computed, signal } from "@preact/signals";
import { API, apiGet, apiPost } from "./api";
import type { Me, Role } from "./types";

export const me = signal<Me | null>(null);

const RANK: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };
export const mayOperate = computed(() => (me.value ? RANK[me.value.role] >= RANK.operator : false));
export const mayAdmin = computed(() => me.value?.role === "admin");

export async function meLoad(): Promise<void> {
  try {
    me.value = await apiGet<Me>(`${API}/me`);
  } catch {
    me.value = null;
  }
}

export async function logout(): Promise<void> {
  await apiPost(`${API}/logout`);
  location.assign("/login");
}
