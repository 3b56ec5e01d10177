import { Empty } from '../../components/state';

export default function Page() {
  return <Empty title="streaming" />;
}
