/** How the makers of tasks and objects come to a session: the one that was given, else the active one. */
import { activeHome } from './active.ts';
import { RainException } from './exceptions.ts';
import type { Home } from './records.ts';

const owners = new WeakMap<Home, HomeOwner>();

/** What has a home: sessions. */
export abstract class HomeOwner {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
    owners.set(home, this);
  }

  /** For the library. */
  static homeOf(owner: HomeOwner): Home {
    return owner.#home;
  }
}

/** Whose home it is. */
export function ownerOf(home: Home): HomeOwner | undefined {
  return owners.get(home);
}

/** The home of this session; without one that of the active session. @throws RainException */
export function homeFor(session: unknown): Home {
  if (session === undefined || session === null) return activeHome();
  if (session instanceof HomeOwner) return HomeOwner.homeOf(session);
  throw new RainException('`session` must be a Session');
}
