// What the server says, as the pages read it: types only, for the checker; nothing here is served.

/** A row of the timeline, as in the promised report; absent fields are left out by the server. */
export interface Row {
  id: string;
  at_ms: number;
  raw_timestamp: number;
  system: string;
  level: string;
  message: string;
  span_id: string | null;
  parent_id: string | null;
  duration_ms: number | null;
  count: number;
  kind: string | null;
  gap_before_ms: number | null;
  last_timestamp?: number;
  why?: string;
  service?: string;
  error?: string;
  origin?: string;
  /** Why its entries were not kept, in words. */
  words?: string;
  aside?: undefined;
}

/** What stands between rows: a silence. */
export interface Aside {
  aside: string;
  /** When the silence was over, milliseconds from the start. */
  ends: number;
  id?: undefined;
}

export type Item = Row | Aside;

export interface Clock {
  offset_ms: number;
  uncertainty_ms: number | null;
  how: string;
}

export interface System {
  system: string;
  service: string | null;
  entries: number;
  errors: number;
  first: number;
  last: number;
  clock: Clock;
}

export interface Line {
  part: string;
  label: string;
  lead: string;
  says: string;
  body: string;
  id: string;
}

export interface Story {
  ok: boolean;
  headline: string;
  facts: string[];
  lines: Line[];
  silences: Record<string, string>;
  whys: Record<string, string>;
  missing: string[];
  ledger: string;
}

export interface Link {
  from: string;
  to: string;
  kind: string;
  evidence: string[];
  confidence: number;
}

export interface Chain {
  root: string;
  handled: boolean;
  confidence: number;
  entries: string[];
  links: Link[];
}

export interface Insight {
  kind: string;
  summary: string;
  entries: string[];
  cost_ms: number | null;
}

export interface Report {
  trace_id: string;
  complete: boolean;
  started: number | null;
  duration_ms: number;
  systems: System[];
  timeline: Row[];
  chains: Chain[];
  insights: Insight[];
  critical_path: { span_id: string; system: string; self_ms: number }[];
  story: Story;
  ledger: { entries: number };
}

export interface Entry {
  id: string;
  trace_id: string;
  timestamp: number;
  system: string;
  level: string;
  message: string;
  [field: string]: any;
}

export interface Summary {
  trace_id: string;
  first_ms: number;
  last_ms: number;
  entries: number;
  errors: number;
  systems: string[];
  title: string;
  expires_at_ms: number | null;
}

export interface Gone {
  trace_id: string;
  first_ms: number;
  last_ms: number;
  entries: number;
  errors: number;
  systems: string[];
  why: string;
  gone_ms: number;
}

export interface Side {
  entries: number;
  errors: number;
  traces: number;
}

export interface Change {
  kind: string;
  system: string;
  level: string;
  message: string;
  id: string;
  trace_id: string;
  count: number;
  service?: string;
  hop?: string;
  before?: number;
  after?: number;
  field?: string;
  was?: string;
  now?: string;
  patterns?: number;
}

export interface Difference {
  a: Side;
  b: Side;
  changes: Change[];
  more: number;
  same: number;
}

/** A row of the live view: the state of what is said alike. */
export interface LiveRow {
  id: string;
  entry_id: string;
  trace_id: string;
  timestamp: number;
  system: string;
  level: string;
  message: string;
  count: number;
  last_timestamp?: number;
  service?: string;
  kind?: string;
  why?: string;
  origin?: string;
  sample_rate?: number;
  error?: { type?: string; message?: string };
}
