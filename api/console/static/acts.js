// What can be done with a job beside its follow-ups.

import { call, notice, Refused } from "./api.js";

/** Return what a `JobCard` does; `did(job)`: that job was made here. */
export function actionsOf(did) {
  return {
    did,
    cancel: (job) => attempt(() => call("DELETE", `draw/midjourney/jobs/${job.id}`)),
    retry: async (job) => {
      const made = await attempt(() => call("POST", "draw/midjourney/refresh", { tag: job.tag }));
      if (made) did(made.data);
    },
  };
}

/** Return what the call returns, or null after telling why it was refused. */
export async function attempt(what) {
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice(error.message);
    return null;
  }
}
