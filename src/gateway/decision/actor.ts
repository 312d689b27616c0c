export { actorOf } from '../../domain/people/actor.ts';
