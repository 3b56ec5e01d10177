/** Incidents, what keeps them quiet, and what was sent about them: docs/api.md. Times are epoch milliseconds. */

import { type Endpoint, endpoint, sendJson } from './client';
import type { Finding, Severity } from './findings';

const ROOT = '/api/afterglow/v1';

export const STATES = ['firing', 'pending', 'resolved'] as const;
export type IncidentState = (typeof STATES)[number];

export interface Incident {
  id: number;
  state: IncidentState;
  rule: string;
  severity: Severity;
  cluster: string | null;
  app_id: string | null;
  attempt_id: string | null;
  app_name: string | null;
  summary: string;
  labels: Record<string, string>;
  started_at: number;
  fired_at: number | null;
  resolved_at: number | null;
  last_seen_at: number;
  count: number;
  acknowledged_by: string | null;
  assigned_to: string | null;
  muted: boolean;
  silenced: boolean;
  inhibited_by: number | null;
}

export interface IncidentEvent {
  at: number;
  kind: string;
  /** null: Afterglow itself. */
  by: string | null;
  text: string;
}

export interface Delivery {
  id: number;
  receiver: string;
  destination: string;
  state: string;
  attempts: number;
  next_at: number | null;
  error: string | null;
  sent_at: number | null;
}

export interface IncidentDetail extends Incident {
  /** null for an incident that came from elsewhere. */
  finding: Finding | null;
  annotations: Record<string, string>;
  events: IncidentEvent[];
  deliveries: Delivery[];
}

export interface IncidentFilter {
  /** Separated by commas, as the severities. */
  state?: string | undefined;
  severity?: string | undefined;
  rule?: string | undefined;
  cluster?: string | undefined;
  app_name?: string | undefined;
  q?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

export const incidents = (filter: IncidentFilter, offset: number, length: number): Endpoint<{ total: number; incidents: Incident[] }> =>
  endpoint(`${ROOT}/incidents`, { ...filter, offset, length });

export const incident = (id: string): Endpoint<IncidentDetail> => endpoint(`${ROOT}/incidents/${encodeURIComponent(id)}`);

/** What people do with an incident. */
export type Act =
  | { act: 'acknowledge' | 'resolve'; by: string; comment: string }
  | { act: 'unacknowledge'; by: string }
  | { act: 'assign'; to: string; by: string }
  | { act: 'comment'; by: string; text: string };

export const doIncident = (id: number, { act, ...body }: Act): Promise<void> => sendJson('POST', `${ROOT}/incidents/${id}/${act}`, body);

export interface Mute {
  id: number;
  rule: string;
  app_name: string;
  until: number | null;
  reason: string;
  by: string;
  created_at: number;
}

export interface Silence extends Omit<Mute, 'rule' | 'app_name' | 'until'> {
  matchers: string[];
  until: number;
}

export const mutes = (): Endpoint<Mute[]> => endpoint(`${ROOT}/mutes`);
export const silences = (): Endpoint<Silence[]> => endpoint(`${ROOT}/silences`);
export const addMute = (mute: Omit<Mute, 'id' | 'created_at'>): Promise<void> => sendJson('POST', `${ROOT}/mutes`, mute);
export const addSilence = (silence: Omit<Silence, 'id' | 'created_at'>): Promise<void> => sendJson('POST', `${ROOT}/silences`, silence);
export const removeMute = (id: number): Promise<void> => sendJson('DELETE', `${ROOT}/mutes/${id}`);
export const removeSilence = (id: number): Promise<void> => sendJson('DELETE', `${ROOT}/silences/${id}`);

export const deliveries = (state: string, offset: number, length: number): Endpoint<{ total: number; deliveries: Delivery[] }> =>
  endpoint(`${ROOT}/deliveries`, { state, offset, length });
export const resend = (id: number): Promise<void> => sendJson('POST', `${ROOT}/deliveries/${id}/resend`, {});
