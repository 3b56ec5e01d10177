import { Empty } from '../components/state';

export function NotFound() {
  return (
    <Empty title="There is no such page">
      Check the address, or go to the <a href="/">applications</a>.
    </Empty>
  );
}
