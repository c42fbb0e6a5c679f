// A second of what test/faults/attack-commands.test.ts does for a minute.
import { attackEach } from '../support/attack/suite.ts';

attackEach(1);
