// Every word the interface shows, in English and French. A key that one language lacks does not compile.
import { signal } from '@preact/signals';

const en = {
  home: 'Home', query: 'Query', targets: 'Targets', status: 'Status', runtime: 'Runtime', tsdb: 'Storage',
  flags: 'Flags', config: 'Configuration', discovery: 'Service discovery', server: 'Server',
  language: 'Language', theme: 'Theme', themeAuto: 'System', themeLight: 'Light', themeDark: 'Dark',
  collapse: 'Collapse the menu', shortcuts: 'Keyboard shortcuts', close: 'Close', skip: 'Skip to content',
  loading: 'Loading…', noData: 'No data yet', error: 'Error', retry: 'Try again', instance: 'Machine',
  cpu: 'Processor', load: 'Load', memory: 'Memory', swap: 'Swap', disks: 'Disk space', diskIo: 'Disk I/O',
  network: 'Network', pressure: 'Pressure', cores: 'cores', used: 'used', cached: 'cache', free: 'free',
  read: 'read', written: 'written', received: 'received', sent: 'sent',
  waitingCpu: 'processor', waitingIo: 'disk', waitingMemory: 'memory', load1: '1 min', load5: '5 min', load15: '15 min',
  uptime: 'Up', kernel: 'Kernel', system: 'System', up: 'up', down: 'down', unknown: 'unknown',
  series: 'series', samplesPerSecond: 'samples/s', residentMemory: 'memory', storedOnDisk: 'on disk', vigie: 'This server',
  emptyTitle: 'No machine is being watched yet',
  emptyHint: 'Vigie has no metrics of a node_exporter. Start one (vigie node_exporter) and list it under scrape_configs in prometheus.yml, or run "vigie up", which does both.',
  waitingTitle: 'Waiting for the first metrics',
  waitingHint: 'Targets are being scraped; this page shows the machine as soon as a node_exporter among them has answered.',
  openQuery: 'Open on the Query page', showData: 'Show as table', showChart: 'Show as chart', time: 'Time', value: 'Value', name: 'Name',
  mode_user: 'user', mode_system: 'system', mode_nice: 'nice', mode_iowait: 'disk wait', mode_irq: 'interrupts',
  mode_softirq: 'soft interrupts', mode_steal: 'stolen',
  expression: 'Expression', execute: 'Execute', table: 'Table', graph: 'Graph', addPanel: 'Add panel',
  removePanel: 'Remove panel', evaluatedAt: 'Evaluated at', now: 'now', range: 'Range', until: 'Until',
  resolution: 'Resolution', stacked: 'Stacked', lines: 'Lines', emptyResult: 'Empty result: the expression is right, but no series match at this time.',
  askSomething: 'Type a PromQL expression and press Enter.', seriesCount: 'series', showAll: 'Show all',
  shownOf: 'shown of', history: 'History', legendHint: 'Click a name to hide it, Shift+click to see it alone. Drag in the graph to zoom, double-click to reset.',
  filterTargets: 'Search in endpoints and labels', endpoint: 'Endpoint', state: 'State', labels: 'Labels',
  lastScrape: 'Last scrape', lastError: 'Error', discovered: 'Discovered labels',
  noTargets: 'No targets match.', targetsUp: 'up', copy: 'Copy', copied: 'Copied', flag: 'Flag',
  headStats: 'Head', topNames: 'Metrics by series', topLabels: 'Label names by values', topPairs: 'Label pairs by series',
  topMemory: 'Label names by memory', count: 'Count', buildInformation: 'Build', runtimeInformation: 'Runtime',
  active: 'active:', dropped: 'dropped:', isDropped: 'dropped', anyJob: 'Any job', anyState: 'Any state', job: 'Job',
  started: 'Started', workingDirectory: 'Working directory', hostName: 'Host', serverTime: 'Server time', configurationLoaded: 'Configuration loaded',
  lastLoad: 'Last load', succeeded: 'succeeded', failed: 'failed', corruptions: 'Corruptions of the log', retention: 'Retention',
  version: 'Version', revision: 'Revision', thirdParty: 'Others’ code in the interface', licenses: 'licences', labelPairs: 'Label pairs', chunks: 'Chunks', oldestSample: 'Oldest sample', newestSample: 'Newest sample', key_help: 'this list', goHome: 'go to Home', goQuery: 'go to Query', goTargets: 'go to Targets',
  paused: 'paused', live: 'live', earlier: 'Earlier', later: 'Later', shorter: 'Shorter', longer: 'Longer', low: 'low', medium: 'medium', high: 'high', every: 'every',
  fromZero: 'From zero', resetZoom: 'Reset zoom', timePlaceholder: 'yyyy-mm-dd hh:mm:ss', oneSeries: 'series', scalar: 'scalar', string: 'string', queryHint: 'Names and labels are completed while you type; Ctrl+Space asks for them.',
  unreachable: 'The server does not answer. What is shown may be old; it is asked again.',
  notFound: 'There is no such page.', truncatedRows: 'Only the first 1,000 rows are shown.',
};

export type TextKey = keyof typeof en;

const fr: Record<TextKey, string> = {
  home: 'Accueil', query: 'Requête', targets: 'Cibles', status: 'État', runtime: 'Exécution', tsdb: 'Stockage',
  flags: 'Options', config: 'Configuration', discovery: 'Découverte', server: 'Serveur',
  language: 'Langue', theme: 'Thème', themeAuto: 'Système', themeLight: 'Clair', themeDark: 'Sombre',
  collapse: 'Réduire le menu', shortcuts: 'Raccourcis clavier', close: 'Fermer', skip: 'Aller au contenu',
  loading: 'Chargement…', noData: 'Pas encore de données', error: 'Erreur', retry: 'Réessayer', instance: 'Machine',
  cpu: 'Processeur', load: 'Charge', memory: 'Mémoire', swap: 'Espace d’échange', disks: 'Espace disque', diskIo: 'Débit des disques',
  network: 'Réseau', pressure: 'Contention', cores: 'cœurs', used: 'utilisée', cached: 'cache', free: 'libre',
  read: 'lecture', written: 'écriture', received: 'reçu', sent: 'émis',
  waitingCpu: 'processeur', waitingIo: 'disque', waitingMemory: 'mémoire', load1: '1 min', load5: '5 min', load15: '15 min',
  uptime: 'En marche depuis', kernel: 'Noyau', system: 'Système', up: 'en marche', down: 'en panne', unknown: 'inconnu',
  series: 'séries', samplesPerSecond: 'échantillons/s', residentMemory: 'mémoire', storedOnDisk: 'sur disque', vigie: 'Ce serveur',
  emptyTitle: 'Aucune machine n’est encore surveillée',
  emptyHint: 'Vigie n’a pas de métriques de node_exporter. Lancez-en un (vigie node_exporter) et ajoutez-le aux scrape_configs de prometheus.yml, ou lancez « vigie up », qui fait les deux.',
  waitingTitle: 'En attente des premières métriques',
  waitingHint: 'Les cibles sont en cours de collecte ; la machine apparaîtra ici dès qu’un node_exporter aura répondu.',
  openQuery: 'Ouvrir dans la page Requête', showData: 'Voir en tableau', showChart: 'Voir en graphique', time: 'Heure', value: 'Valeur', name: 'Nom',
  mode_user: 'utilisateur', mode_system: 'système', mode_nice: 'basse priorité', mode_iowait: 'attente disque', mode_irq: 'interruptions',
  mode_softirq: 'interruptions logicielles', mode_steal: 'volé',
  expression: 'Expression', execute: 'Exécuter', table: 'Tableau', graph: 'Graphique', addPanel: 'Ajouter un panneau',
  removePanel: 'Retirer le panneau', evaluatedAt: 'Évalué à', now: 'maintenant', range: 'Durée', until: 'Jusqu’à',
  resolution: 'Résolution', stacked: 'Empilé', lines: 'Lignes', emptyResult: 'Résultat vide : l’expression est correcte, mais aucune série n’y répond à cet instant.',
  askSomething: 'Tapez une expression PromQL puis Entrée.', seriesCount: 'séries', showAll: 'Tout afficher',
  shownOf: 'affichées sur', history: 'Historique', legendHint: 'Cliquez sur un nom pour le masquer, Maj+clic pour le voir seul. Glissez dans le graphique pour zoomer, double-cliquez pour revenir.',
  filterTargets: 'Chercher dans les adresses et étiquettes', endpoint: 'Adresse', state: 'État', labels: 'Étiquettes',
  lastScrape: 'Dernière collecte', lastError: 'Erreur', discovered: 'Étiquettes découvertes',
  noTargets: 'Aucune cible ne correspond.', targetsUp: 'en marche', copy: 'Copier', copied: 'Copié', flag: 'Option',
  headStats: 'Tête', topNames: 'Métriques par nombre de séries', topLabels: 'Étiquettes par nombre de valeurs', topPairs: 'Paires d’étiquettes par nombre de séries',
  topMemory: 'Étiquettes par mémoire', count: 'Nombre', buildInformation: 'Version', runtimeInformation: 'Exécution',
  active: 'actives :', dropped: 'écartées :', isDropped: 'écartée', anyJob: 'Tous les jobs', anyState: 'Tous les états', job: 'Job',
  started: 'Démarré', workingDirectory: 'Répertoire de travail', hostName: 'Hôte', serverTime: 'Heure du serveur', configurationLoaded: 'Configuration chargée',
  lastLoad: 'Dernier chargement', succeeded: 'réussi', failed: 'échoué', corruptions: 'Corruptions du journal', retention: 'Rétention',
  version: 'Version', revision: 'Révision', thirdParty: 'Code de tiers dans l’interface', licenses: 'licences', labelPairs: 'Paires d’étiquettes', chunks: 'Blocs de valeurs', oldestSample: 'Plus ancienne valeur', newestSample: 'Plus récente valeur', key_help: 'cette liste', goHome: 'aller à l’accueil', goQuery: 'aller aux requêtes', goTargets: 'aller aux cibles',
  paused: 'en pause', live: 'en direct', earlier: 'Plus tôt', later: 'Plus tard', shorter: 'Plus court', longer: 'Plus long', low: 'basse', medium: 'moyenne', high: 'haute', every: 'toutes les',
  fromZero: 'Depuis zéro', resetZoom: 'Annuler le zoom', timePlaceholder: 'aaaa-mm-jj hh:mm:ss', oneSeries: 'série', scalar: 'scalaire', string: 'chaîne', queryHint: 'Noms et étiquettes sont complétés à la frappe ; Ctrl+Espace les demande.',
  unreachable: 'Le serveur ne répond pas. Les valeurs affichées sont peut-être anciennes ; il est interrogé à nouveau.',
  notFound: 'Cette page n’existe pas.', truncatedRows: 'Seules les 1 000 premières lignes sont affichées.',
};

export type Language = 'en' | 'fr';
export const dictionaries: Record<Language, Record<TextKey, string>> = { en, fr };

function preferred(): Language {
  try {
    const kept = localStorage.getItem('vigie.language');
    if (kept === 'en' || kept === 'fr') return kept;
  } catch { /* storage may be forbidden */ }
  return navigator.language.startsWith('fr') ? 'fr' : 'en';
}

export const language = signal<Language>(preferred());

export function setLanguage(chosen: Language): void {
  language.value = chosen;
  document.documentElement.lang = chosen;
  try { localStorage.setItem('vigie.language', chosen); } catch { /* not kept, then */ }
}

document.documentElement.lang = language.value;

// The words for a key in the language chosen; components that call it are drawn again when it changes.
export function t(key: TextKey): string {
  return dictionaries[language.value][key];
}
